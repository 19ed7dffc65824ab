//! What the end-to-end tests share: a sandbox process, a mirror and the built binary.
