//! Who we are to the DAM, and what we may do there.
//!
//! The port asks only who we are. The rest is for whoever sets up or looks after a configuration: a pass tries what it
//! must do, and believes the refusal.

use crate::Mediagraph;
use crate::answer::{json, nonsense};
use crate::http::Ask;
use crate::loose::Loose;
use crate::shapes::{Maybe, Object};
use crate::words;
use damsync_ports::{Identity, RemoteError};
use serde::Deserialize;
use std::fmt;

/// A user as it is shown to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// What counts.
    pub identity: Identity,
    /// The name, where it is told.
    pub name: Option<String>,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Identity { user, organization, .. } = &self.identity;
        match &self.name {
            Some(name) => write!(f, "{name} (user {user}) of organization {organization}"),
            None => write!(f, "user {user} of organization {organization}"),
        }
    }
}

/// What the server says that we may do. `None` = not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Send files.
    pub upload: Option<bool>,
    /// Make storage folders.
    pub make_folders: Option<bool>,
    /// See storage folders.
    pub see_folders: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireUser {
    pub(crate) id: Loose,
    user_id: Loose,
    name: Loose,
    organization: Maybe<WireOrganization>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireOrganization {
    id: Loose,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireRights {
    pub(crate) can_upload: Loose,
    can_create_storage_folders: Loose,
    can_view_storage_folders: Loose,
}

impl Mediagraph {
    /// Who we are, with the name.
    ///
    /// # Errors
    /// As of every question to the server.
    pub async fn account(&self) -> Result<Account, RemoteError> {
        const WHAT: &str = "ask who we are";
        let reply = self.http.send(Ask::get(WHAT, &["api", "whoami"])).await?;
        let Object(user): Object<WireUser> = json(WHAT, &reply)?;
        let id =
            user.id.name().or_else(|| user.user_id.name()).ok_or_else(|| nonsense(WHAT, "a user without an id"))?;
        let told = user.organization.0.and_then(|organization| organization.id.name());
        // Cursors hang on the server's clock, so a guess of ours is no substitute.
        let server_time = crate::retry::server_date(&reply.headers)
            .ok_or_else(|| nonsense(WHAT, "an answer without the server's time"))?;
        let organization = self.http.auth.organization().or(told).unwrap_or_default();
        let name = user.name.word().map(|name| words::presentable(name, &self.http.auth.secrets()));
        Ok(Account { identity: Identity { user: id, organization, server_time }, name })
    }

    pub(crate) async fn who_am_i(&self) -> Result<Identity, RemoteError> {
        Ok(self.account().await?.identity)
    }

    /// What we may do, by the server's own word.
    ///
    /// # Errors
    /// As of every question to the server.
    pub async fn rights(&self) -> Result<Rights, RemoteError> {
        const WHAT: &str = "ask what we may do";
        let reply = self.http.send(Ask::get(WHAT, &["api", "can_upload"])).await?;
        let Object(told): Object<WireRights> = json(WHAT, &reply)?;
        Ok(Rights {
            upload: told.can_upload.flag(),
            make_folders: told.can_create_storage_folders.flag(),
            see_folders: told.can_view_storage_folders.flag(),
        })
    }
}
