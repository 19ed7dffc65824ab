-- A database of version 1: its schema without the comments, and a row or two in every table.
PRAGMA journal_mode = WAL;

CREATE TABLE mirror (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  token TEXT,
  root_device INTEGER,
  root_inode INTEGER,
  remote TEXT,
  storage_folder ANY,
  user TEXT,
  last_reconcile_at INTEGER,
  last_change_at INTEGER,
  trouble TEXT
) STRICT;
CREATE TABLE folder (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  mirror INTEGER NOT NULL REFERENCES mirror(id),
  agreed INTEGER NOT NULL DEFAULT 0,
  local_parent INTEGER,
  local_name TEXT,
  local_unknown TEXT,
  inode INTEGER NOT NULL DEFAULT 0,
  birth_ns INTEGER NOT NULL DEFAULT 0,
  remote_id ANY,
  remote_parent INTEGER,
  remote_name TEXT,
  given_name TEXT,
  remote_unknown TEXT,
  contribution INTEGER,
  organizer INTEGER NOT NULL DEFAULT 0,
  editable INTEGER
) STRICT;
CREATE UNIQUE INDEX folder_remote ON folder(mirror, remote_id) WHERE remote_id IS NOT NULL;
CREATE INDEX folder_mirror ON folder(mirror);
CREATE TABLE file (
  folder INTEGER NOT NULL,
  key TEXT NOT NULL,
  name TEXT,
  size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  ctime_ns INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  birth_ns INTEGER NOT NULL,
  md5 BLOB,
  sha256 BLOB,
  kind INTEGER NOT NULL DEFAULT 0,
  racy INTEGER NOT NULL DEFAULT 0,
  unknown TEXT,
  PRIMARY KEY (folder, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX file_unread ON file(folder, key) WHERE sha256 IS NULL;
CREATE INDEX file_racy ON file(folder, key) WHERE racy = 1;
CREATE TABLE asset (
  mirror INTEGER NOT NULL,
  id ANY NOT NULL,
  guid TEXT NOT NULL,
  folder INTEGER,
  filename TEXT NOT NULL,
  given_name TEXT,
  key TEXT NOT NULL,
  size INTEGER,
  md5 BLOB,
  learned INTEGER NOT NULL DEFAULT 0,
  version INTEGER,
  versions_count INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  last_external_sync_at INTEGER,
  state INTEGER NOT NULL,
  presence INTEGER NOT NULL,
  checked_out INTEGER NOT NULL DEFAULT 0,
  downloadable INTEGER,
  editable INTEGER,
  unacknowledged INTEGER NOT NULL DEFAULT 0,
  next_look INTEGER,
  superseded INTEGER,
  superseded_until INTEGER,
  PRIMARY KEY (mirror, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX asset_place ON asset(folder, key);
CREATE INDEX asset_updated ON asset(mirror, updated_at);
CREATE INDEX asset_unacknowledged ON asset(mirror, id) WHERE unacknowledged = 1;
CREATE INDEX asset_waiting ON asset(mirror, id) WHERE next_look IS NOT NULL;
CREATE INDEX asset_outside ON asset(mirror, id) WHERE presence = 3;
CREATE INDEX asset_listed ON asset(mirror, id, presence, next_look) WHERE presence IN (0, 4) AND next_look IS NULL;
CREATE TABLE base (
  mirror INTEGER NOT NULL,
  asset ANY NOT NULL,
  folder INTEGER NOT NULL,
  key TEXT NOT NULL,
  name TEXT,
  size INTEGER NOT NULL,
  md5 BLOB NOT NULL,
  sha256 BLOB NOT NULL,
  kind INTEGER NOT NULL DEFAULT 0,
  remote_folder INTEGER NOT NULL,
  remote_filename TEXT NOT NULL,
  remote_version INTEGER,
  remote_size INTEGER,
  remote_md5 BLOB,
  remote_updated_at INTEGER NOT NULL,
  PRIMARY KEY (mirror, asset)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX base_place ON base(folder, key);
CREATE TABLE dirty_asset (
  mirror INTEGER NOT NULL,
  asset ANY NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_try INTEGER NOT NULL DEFAULT 0,
  failed_in TEXT,
  error TEXT,
  PRIMARY KEY (mirror, asset)
) STRICT, WITHOUT ROWID;
CREATE TABLE dirty_file (
  mirror INTEGER NOT NULL,
  folder INTEGER NOT NULL,
  key TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_try INTEGER NOT NULL DEFAULT 0,
  failed_in TEXT,
  error TEXT,
  PRIMARY KEY (mirror, folder, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE folder_failure (
  folder INTEGER PRIMARY KEY,
  mirror INTEGER NOT NULL,
  action TEXT NOT NULL,    -- the action's word
  error TEXT NOT NULL,
  state INTEGER NOT NULL,  -- a hash of the directory as it was then: as it is now, something else may be answered
  next_try INTEGER NOT NULL
) STRICT;
CREATE TABLE intent (
  marker TEXT PRIMARY KEY,
  mirror INTEGER NOT NULL,
  folder INTEGER NOT NULL,
  key TEXT NOT NULL,
  asset ANY,
  guid TEXT,
  filename TEXT,           -- for a new asset: what the server called it when it was prepared
  is_version INTEGER NOT NULL,
  session ANY,
  size INTEGER NOT NULL,
  md5 BLOB NOT NULL,
  sha256 BLOB NOT NULL,
  kind INTEGER NOT NULL DEFAULT 0,
  url TEXT,
  prepared_at INTEGER,
  opened_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX intent_place ON intent(folder, key);
CREATE TABLE session (
  mirror INTEGER NOT NULL,
  id INTEGER NOT NULL,
  guid TEXT NOT NULL,
  folder INTEGER NOT NULL,
  storage_folder ANY NOT NULL, -- the folder's id on the server: its directory's row may vanish before
  opened_at INTEGER NOT NULL,
  PRIMARY KEY (mirror, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE stray (
  marker TEXT PRIMARY KEY,
  mirror INTEGER NOT NULL,
  session INTEGER NOT NULL,
  session_guid TEXT NOT NULL,
  storage_folder ANY NOT NULL, -- where it is: while that cannot be seen, nor can it
  since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE local_move (
  mirror INTEGER NOT NULL,
  asset ANY NOT NULL,
  folder INTEGER NOT NULL,
  key TEXT NOT NULL,
  name TEXT,
  size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  ctime_ns INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  birth_ns INTEGER NOT NULL,
  md5 BLOB,
  sha256 BLOB,
  kind INTEGER NOT NULL DEFAULT 0,
  to_folder INTEGER,
  to_key TEXT,
  to_name TEXT,
  remote_folder INTEGER,
  remote_filename TEXT,
  PRIMARY KEY (mirror, asset)
) STRICT, WITHOUT ROWID;
CREATE INDEX local_move_from ON local_move(folder, key);
CREATE INDEX local_move_to ON local_move(to_folder, to_key) WHERE to_folder IS NOT NULL;
CREATE TABLE placing (
  mirror INTEGER NOT NULL,
  asset ANY NOT NULL,
  folder INTEGER NOT NULL,
  key TEXT NOT NULL,
  name TEXT,
  size INTEGER NOT NULL,
  md5 BLOB NOT NULL,
  sha256 BLOB NOT NULL,
  kind INTEGER NOT NULL DEFAULT 0,
  remote_folder INTEGER NOT NULL,
  remote_filename TEXT NOT NULL,
  remote_version INTEGER,
  remote_size INTEGER,
  remote_md5 BLOB,
  remote_updated_at INTEGER NOT NULL,
  PRIMARY KEY (mirror, asset)
) STRICT, WITHOUT ROWID;
CREATE INDEX placing_place ON placing(folder, key);
CREATE TABLE cursor (
  mirror INTEGER NOT NULL,
  name TEXT NOT NULL,
  value ANY NOT NULL,
  PRIMARY KEY (mirror, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE outside (
  mirror INTEGER NOT NULL,
  asset ANY NOT NULL,
  asked_at INTEGER NOT NULL,
  PRIMARY KEY (mirror, asset)
) STRICT, WITHOUT ROWID;
CREATE TABLE conflict (
  mirror INTEGER NOT NULL,
  copy_folder INTEGER NOT NULL,
  copy_key TEXT NOT NULL,
  asset ANY NOT NULL,
  folder INTEGER NOT NULL,
  key TEXT NOT NULL,
  opened_at INTEGER NOT NULL,
  PRIMARY KEY (mirror, copy_folder, copy_key)
) STRICT, WITHOUT ROWID;
CREATE TABLE history (
  id INTEGER PRIMARY KEY,
  mirror INTEGER NOT NULL,
  run TEXT NOT NULL,
  at INTEGER NOT NULL,
  rule TEXT NOT NULL,
  action TEXT NOT NULL,
  path TEXT NOT NULL,
  asset ANY,
  reason TEXT NOT NULL,
  seen TEXT NOT NULL,
  outcome TEXT NOT NULL
) STRICT;
CREATE INDEX history_at ON history(mirror, at);
CREATE INDEX history_path ON history(mirror, path);
CREATE INDEX history_guarded ON history(mirror, at)
  WHERE action IN ('trash_local', 'trash_remote', 'push_version', 'download');
CREATE TABLE held_plan (
  id TEXT PRIMARY KEY,
  mirror INTEGER NOT NULL,
  guard TEXT NOT NULL,
  reason TEXT NOT NULL,
  side TEXT,
  count INTEGER NOT NULL,
  total INTEGER NOT NULL,
  fingerprint TEXT NOT NULL,
  lines TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  approved_at INTEGER
) STRICT, WITHOUT ROWID;

INSERT INTO mirror VALUES (1, 'pictures', 'token', 2049, 11, 'mediagraph 5', 'folder_1', '3', 1767693600000, 1767693600001, NULL);
INSERT INTO folder VALUES (1, 1, 1, NULL, '', NULL, 11, 5, 'folder_1', NULL, 'Pictures', 'Pictures', NULL, 40, 0, 1);
INSERT INTO folder VALUES (2, 1, 1, 1, 'Größe', NULL, 12, 6, 77, 1, 'Größe', 'Größe', NULL, 41, 0, NULL);
INSERT INTO file VALUES (2, 'é.txt', 'é.txt', 146028888064, 1, 2, 13, 7, x'11111111111111111111111111111111', x'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 17, 0, NULL);
INSERT INTO file VALUES (1, 'new.txt', NULL, 9, 3, 4, 14, 8, NULL, NULL, 0, 0, NULL);
INSERT INTO asset VALUES (1, 5, 'guid-5', 2, 'é.txt', 'é.txt', 'é.txt', 146028888064, x'11111111111111111111111111111111', 0, 2, 2, 10, 20, 15, 4, 0, 0, NULL, 1, 1, NULL, 1, 30);
INSERT INTO asset VALUES (1, 'asset_A', 'guid-A', NULL, '', '~guid', '~guid', NULL, NULL, 0, NULL, NULL, 10, 20, NULL, 1, 4, 0, NULL, NULL, 0, 99, NULL, NULL);
INSERT INTO base VALUES (1, 5, 2, 'é.txt', 'é.txt', 146028888064, x'11111111111111111111111111111111', x'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 17, 2, 'é.txt', 2, NULL, NULL, 20);
INSERT INTO dirty_asset VALUES (1, 5, 2, 50, 'run-1', 'no answer');
INSERT INTO dirty_file VALUES (1, 1, 'new.txt', 0, 0, NULL, NULL);
INSERT INTO folder_failure VALUES (2, 1, 'make_remote_folder', 'not allowed', -5, 55);
INSERT INTO intent VALUES ('marker-1', 1, 1, 'new.txt', NULL, NULL, NULL, 0, 31, 9, x'22222222222222222222222222222222', x'dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd', 0, NULL, NULL, 60);
INSERT INTO session VALUES (1, 31, 'session-31', 1, 7, 59);
INSERT INTO stray VALUES ('marker-0', 1, 30, 'session-30', 7, 40);
INSERT INTO local_move VALUES (1, 5, 2, 'é.txt', NULL, 146028888064, 1, 2, 13, 7, x'11111111111111111111111111111111', x'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 17, 1, 'b.txt', NULL, 1, 'b.txt');
INSERT INTO placing VALUES (1, 7, 2, 'ä.txt', NULL, 9, x'22222222222222222222222222222222', x'dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd', 0, 2, 'ä.txt', 1, NULL, NULL, 20);
INSERT INTO cursor VALUES (1, 'feed', 1767693600000);
INSERT INTO outside VALUES (1, 6, 12);
INSERT INTO conflict VALUES (1, 2, 'a (conflict).txt', 5, 2, 'é.txt', 70);
INSERT INTO history VALUES (1, 1, 'run-1', 80, 'R1', 'upload', 'Größe/é.txt', 5, 'it is new here', '{}', 'done');
INSERT INTO held_plan VALUES ('p-00ff', 1, 'deleted_here', 'mass_delete', 'local', 500, 1000, 'f', 'trash_remote a', 90, NULL);
PRAGMA user_version = 1;
