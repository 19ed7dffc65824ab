//! Background jobs: answered at once, done later.

use super::asset::AssetId;
use super::folder::FolderId;
use super::job::{Job, JobWork};
use super::user::UserId;
use super::{Refusal, Timer, World};

impl World {
    /// Asks for a job. Assets that the caller may not see are left out.
    pub fn create_job(&mut self, user: UserId, work: JobWork, asset_ids: &[AssetId], now: i64) -> Result<Job, Refusal> {
        self.tick(now);
        let caller = self.user(user)?;
        let seen = |id: &AssetId| self.assets.get(id).is_some_and(|asset| self.visible(caller, asset.folder_id));
        let asset_ids: Vec<AssetId> = asset_ids.iter().copied().filter(seen).collect();
        if let JobWork::MoveTo(folder) = work {
            self.target_folder(user, folder)?;
        }
        let job = Job {
            guid: self.root.prng.uuid(),
            user_id: user,
            work,
            asset_ids,
            due_at: now + self.habits.job_delay_ms.max(0),
            state: "pending".to_owned(),
            finished: false,
            error_message: None,
            created_at: now,
        };
        self.changes.root = true;
        self.changes.jobs.insert(job.guid.clone());
        self.jobs.insert(job.guid.clone(), job.clone());
        self.schedule(job.due_at, Timer::Job(job.guid.clone()));
        Ok(job)
    }

    fn target_folder(&self, user: UserId, folder: FolderId) -> Result<(), Refusal> {
        let folder = self.seen_folder(user, folder).map_err(|_| Refusal::unprocessable("the folder must exist"))?;
        if folder.organizer == Some(true) {
            return Err(Refusal::unprocessable("this folder holds folders only"));
        }
        Ok(())
    }

    /// How far a job is.
    pub fn job(&mut self, user: UserId, guid: &str, now: i64) -> Result<Job, Refusal> {
        self.tick(now);
        self.user(user)?;
        let mut job =
            self.jobs.get(guid).filter(|job| job.user_id == user).cloned().ok_or(Refusal::NotFound("bulk job"))?;
        if !job.finished && now > job.created_at {
            job.state = "processing".to_owned();
        }
        Ok(job)
    }

    /// The caller's jobs.
    pub fn jobs(&mut self, user: UserId, now: i64) -> Result<Vec<Job>, Refusal> {
        self.tick(now);
        self.user(user)?;
        Ok(self.jobs.values().filter(|job| job.user_id == user).cloned().collect())
    }

    pub(super) fn run_job(&mut self, guid: &str, now: i64) {
        let Some(job) = self.jobs.get_mut(guid) else {
            return;
        };
        job.finished = true;
        job.state.clone_from(&self.habits.job_finished_state);
        let (work, ids, user) = (job.work, job.asset_ids.clone(), job.user_id);
        self.changes.jobs.insert(guid.to_owned());
        if let JobWork::MoveTo(folder) = work
            && !self.folders.contains_key(&folder)
        {
            if let Some(job) = self.jobs.get_mut(guid) {
                job.error_message = Some("the folder is gone".to_owned());
            }
            return;
        }
        for id in ids {
            match work {
                JobWork::MoveTo(folder) => self.move_asset(id, folder, now),
                JobWork::Restore => self.restore_asset(id, now),
                JobWork::Trash => self.trash_asset(id, user, now),
                JobWork::Nothing => {}
            }
        }
    }

    fn move_asset(&mut self, id: AssetId, folder: FolderId, now: i64) {
        let Some(asset) = self.assets.get(&id).filter(|asset| asset.alive() && asset.folder_id != folder) else {
            return;
        };
        let mut asset = (**asset).clone();
        asset.folder_id = folder;
        if self.habits.move_bumps {
            asset.updated_at = now;
        }
        self.store(asset, now);
    }
}
