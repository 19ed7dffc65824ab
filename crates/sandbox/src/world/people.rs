//! Users, tokens, and what they may see.

use super::folder::FolderId;
use super::user::{CanUpload, Credentials, Grant, User, UserId};
use super::{Refusal, World};

impl World {
    /// Adds a user who may do everything.
    pub fn add_user(&mut self, first_name: &str, last_name: &str, now: i64) -> UserId {
        let id = self.next_id();
        let user = User {
            id,
            first_name: first_name.to_owned(),
            last_name: last_name.to_owned(),
            email: format!("user-{id}@sandbox.invalid"),
            token: self.root.prng.hex(40),
            revoked: false,
            can_upload: true,
            can_create_storage_folders: true,
            can_view_storage_folders: true,
            any_user: true,
            see_states: true,
            hidden_folders: std::collections::BTreeSet::default(),
            created_at: now,
        };
        self.users.insert(id, user);
        id
    }

    /// All users.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.users.values()
    }

    /// A user, revoked or not.
    #[must_use]
    pub fn any_user(&self, id: UserId) -> Option<&User> {
        self.users.get(&id)
    }

    /// Changes a user.
    pub fn edit_user(&mut self, id: UserId, edit: impl FnOnce(&mut User)) -> Result<&User, Refusal> {
        self.changes.root = true;
        let user = self.users.get_mut(&id).ok_or(Refusal::NotFound("user"))?;
        edit(user);
        user.id = id;
        Ok(user)
    }

    /// Who is calling.
    pub fn authenticate(&self, credentials: Credentials<'_>, now: i64) -> Result<UserId, Refusal> {
        let user = match credentials {
            Credentials::Personal { token, organization_id } => {
                if organization_id != Some(self.root.organization_id) {
                    return Err(Refusal::Unauthorized);
                }
                self.users.values().find(|user| user.token == token)
            }
            Credentials::Bearer(token) => self
                .grants
                .iter()
                .find(|grant| grant.access_token == token && !grant.revoked && now < grant.expires_at)
                .and_then(|grant| self.users.get(&grant.user_id)),
        };
        user.filter(|user| !user.revoked).map(|user| user.id).ok_or(Refusal::Unauthorized)
    }

    /// What the caller may do.
    pub fn can_upload(&self, user: UserId) -> Result<CanUpload, Refusal> {
        let user = self.user(user)?;
        Ok(CanUpload {
            can_upload: user.can_upload,
            can_create_storage_folders: user.can_create_storage_folders,
            can_view_storage_folders: user.can_view_storage_folders,
        })
    }

    /// A first pair of OAuth tokens, as the end of the browser's dance gives it.
    pub fn grant(&mut self, user: UserId, client_id: Option<String>, now: i64) -> Result<Grant, Refusal> {
        self.user(user)?;
        let grant = Grant {
            user_id: user,
            client_id,
            access_token: self.root.prng.hex(43),
            refresh_token: self.root.prng.hex(43),
            expires_at: now + self.habits.access_token_s * 1000,
            revoked: false,
        };
        self.grants.push(grant.clone());
        self.changes.root = true;
        Ok(grant)
    }

    /// A new access token for a refresh token, which may be replaced as well: the old one is then void.
    pub fn refresh(&mut self, refresh_token: &str, client_id: Option<&str>, now: i64) -> Result<Grant, Refusal> {
        let (access, fresh) = (self.root.prng.hex(43), self.root.prng.hex(43));
        let expires_at = now + self.habits.access_token_s * 1000;
        let rotate = self.habits.rotate_refresh;
        self.changes.root = true;
        let grant = self
            .grants
            .iter_mut()
            .find(|grant| !grant.revoked && grant.refresh_token == refresh_token)
            .filter(|grant| grant.client_id.is_none() || grant.client_id.as_deref() == client_id)
            .ok_or_else(|| Refusal::BadRequest("invalid_grant".to_owned()))?;
        grant.access_token = access;
        grant.expires_at = expires_at;
        if rotate {
            grant.refresh_token = fresh;
        }
        Ok(grant.clone())
    }

    /// Ends a grant by either of its tokens; unknown tokens are no error.
    pub fn revoke(&mut self, token: &str) {
        self.changes.root = true;
        for grant in &mut self.grants {
            if grant.access_token == token || grant.refresh_token == token {
                grant.revoked = true;
            }
        }
    }

    /// Whether a user may see a folder: neither it nor one above it is hidden.
    pub(super) fn visible(&self, user: &User, folder: FolderId) -> bool {
        if user.hidden_folders.is_empty() {
            return true;
        }
        let mut at = Some(folder);
        while let Some(id) = at {
            if user.hidden_folders.contains(&id) {
                return false;
            }
            at = self.folders.get(&id).and_then(|folder| folder.parent_id);
        }
        true
    }
}
