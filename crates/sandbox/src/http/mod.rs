//! The world behind the vendor's API on one port and S3 storage on another.
//!
//! - [`serve()`] starts it; a data directory holds everything: `sandbox.sqlite`, `contents/` and what is being sent.
//! - Every answer has the keys and types of its shape ([`shapes`]).
//! - `/admin/…` changes what no client can change, and needs no credentials.

mod admin;
mod asset_json;
mod assets;
mod call;
mod clock;
mod contents;
mod database;
mod download;
mod log;
mod oauth;
mod params;
mod places;
mod play;
mod render;
mod serve;
pub mod shapes;
mod shared;
mod storage;
mod times;

pub use clock::Clock;
pub use serve::{Options, Running, serve, serve_by};
