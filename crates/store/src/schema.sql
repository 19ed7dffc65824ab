-- The store, version 1. Every table says what one row means. Times are milliseconds since 1970 unless named `_ns`.
-- Remote ids are integers (Mediagraph) or texts (Scenario), hence ANY.

-- One row: a mirror that this state directory knows, configured at present or not.
CREATE TABLE mirror (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  token TEXT,              -- the same random text stands in the mark in the mirror's root; NULL until first planted
  root_device INTEGER,     -- which object the root was when the mark was last seen
  root_inode INTEGER,
  remote TEXT,             -- provider, organization and root folder that the mirror was bound to
  storage_folder ANY,      -- the root folder's id; NULL for a mirror of everything
  user TEXT,               -- the user that the token belonged to at the last good pass
  last_reconcile_at INTEGER,
  last_change_at INTEGER,
  trouble TEXT             -- what stood in the way of the last pass, as JSON; NULL: nothing
) STRICT;

-- One row: a directory of a mirror: here, there, or both. `agreed` = both sides once had it.
CREATE TABLE folder (
  id INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice: an open intent may outlive its directory's row
  mirror INTEGER NOT NULL REFERENCES mirror(id),
  agreed INTEGER NOT NULL DEFAULT 0,
  local_parent INTEGER,    -- NULL for the root
  local_name TEXT,         -- NULL: not here; '' for the root
  local_unknown TEXT,      -- why nothing can be said about it here
  inode INTEGER NOT NULL DEFAULT 0,
  birth_ns INTEGER NOT NULL DEFAULT 0,
  remote_id ANY,           -- NULL: not there (or the root of a mirror of everything)
  remote_parent INTEGER,
  remote_name TEXT,        -- as the server has it
  given_name TEXT,         -- the local name that the remote name was given
  remote_unknown TEXT,     -- why nothing can be said about it there
  contribution INTEGER,
  organizer INTEGER NOT NULL DEFAULT 0,
  editable INTEGER
) STRICT;
CREATE UNIQUE INDEX folder_remote ON folder(mirror, remote_id) WHERE remote_id IS NOT NULL;
CREATE INDEX folder_mirror ON folder(mirror);

-- One row: a regular file as the last scan saw it (the local tree). A directory's rows lie together, in key order.
CREATE TABLE file (
  folder INTEGER NOT NULL,
  key TEXT NOT NULL,       -- the name in NFC (and folded, where the file system folds): what names are compared by
  name TEXT,               -- as it is on disk; NULL where that is the key
  size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  ctime_ns INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  birth_ns INTEGER NOT NULL,
  md5 BLOB,                -- both NULL until the file was read since it changed
  sha256 BLOB,
  kind INTEGER NOT NULL DEFAULT 0,  -- what its first bytes look like
  racy INTEGER NOT NULL DEFAULT 0,  -- 1: younger than the clock's grain when read, so read once more later
  unknown TEXT,            -- why nothing can be said about it now (it became a link, is ignored, …)
  PRIMARY KEY (folder, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX file_unread ON file(folder, key) WHERE sha256 IS NULL;
CREATE INDEX file_racy ON file(folder, key) WHERE racy = 1;

-- One row: an asset as the server last described it (the remote tree).
CREATE TABLE asset (
  mirror INTEGER NOT NULL,
  id ANY NOT NULL,
  guid TEXT NOT NULL,
  folder INTEGER,          -- the directory that stands for its storage folder; NULL outside the mirror
  filename TEXT NOT NULL,  -- as the server has it
  given_name TEXT,         -- its local name; NULL where that is the filename
  key TEXT NOT NULL,       -- the local name's key
  size INTEGER,
  md5 BLOB,
  learned INTEGER NOT NULL DEFAULT 0, -- 1: size and md5 were read by us, because the server tells none
  version INTEGER,
  versions_count INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  last_external_sync_at INTEGER,
  state INTEGER NOT NULL,
  presence INTEGER NOT NULL,  -- 0 live, 1 trashed, 2 gone, 3 outside, 4 not known
  checked_out INTEGER NOT NULL DEFAULT 0,
  downloadable INTEGER,
  editable INTEGER,
  unacknowledged INTEGER NOT NULL DEFAULT 0, -- 1: durably here, and the server has yet to be told
  next_look INTEGER,       -- when an asset that no list shows is asked for again
  superseded INTEGER,      -- the version that our last push replaced: answers that still show it are not believed
  superseded_until INTEGER, -- … until then
  PRIMARY KEY (mirror, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX asset_place ON asset(folder, key);
CREATE INDEX asset_updated ON asset(mirror, updated_at);
CREATE INDEX asset_unacknowledged ON asset(mirror, id) WHERE unacknowledged = 1;
CREATE INDEX asset_waiting ON asset(mirror, id) WHERE next_look IS NOT NULL;
CREATE INDEX asset_outside ON asset(mirror, id) WHERE presence = 3;
-- The assets that the server's lists should show: every pass compares all of their ids. Covering, presence and next_look
-- included: else SQLite fetches every asset's own, wide row to look at them once more.
CREATE INDEX asset_listed ON asset(mirror, id, presence, next_look) WHERE presence IN (0, 4) AND next_look IS NULL;

-- One row: a file that both sides agreed on (the base): what it held and where it stood on either side.
CREATE TABLE base (
  mirror INTEGER NOT NULL,
  asset ANY NOT NULL,
  folder INTEGER NOT NULL,
  key TEXT NOT NULL,
  name TEXT,               -- NULL where it is the key
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

-- One row: an asset whose trees may disagree. It stays while the disagreement lasts.
CREATE TABLE dirty_asset (
  mirror INTEGER NOT NULL,
  asset ANY NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_try INTEGER NOT NULL DEFAULT 0,
  failed_in TEXT,          -- the run that failed with it last
  error TEXT,
  PRIMARY KEY (mirror, asset)
) STRICT, WITHOUT ROWID;

-- One row: a local file without an asset that may have to travel.
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

-- One row: a directory whose storage folder the server refused to make or remove.
CREATE TABLE folder_failure (
  folder INTEGER PRIMARY KEY,
  mirror INTEGER NOT NULL,
  action TEXT NOT NULL,    -- the action's word
  error TEXT NOT NULL,
  state INTEGER NOT NULL,  -- a hash of the directory as it was then: as it is now, something else may be answered
  next_try INTEGER NOT NULL
) STRICT;

-- One row: an upload that was begun and whose end is not recorded (the journal).
CREATE TABLE intent (
  marker TEXT PRIMARY KEY, -- ours, unique; the server has it as created_via_id
  mirror INTEGER NOT NULL,
  folder INTEGER NOT NULL,
  key TEXT NOT NULL,
  asset ANY,               -- the asset that gets a version; for a new asset its id once prepared
  guid TEXT,
  filename TEXT,           -- for a new asset: what the server called it when it was prepared
  is_version INTEGER NOT NULL,
  session ANY,             -- the upload session, for a new asset
  size INTEGER NOT NULL,
  md5 BLOB NOT NULL,
  sha256 BLOB NOT NULL,
  kind INTEGER NOT NULL DEFAULT 0,
  url TEXT,                -- signed; NULL until prepared
  prepared_at INTEGER,
  opened_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX intent_place ON intent(folder, key);

-- One row: an upload session that was opened and not yet closed.
CREATE TABLE session (
  mirror INTEGER NOT NULL,
  id INTEGER NOT NULL,
  guid TEXT NOT NULL,
  folder INTEGER NOT NULL,
  storage_folder ANY NOT NULL, -- the folder's id on the server: its directory's row may vanish before
  opened_at INTEGER NOT NULL,
  PRIMARY KEY (mirror, id)
) STRICT, WITHOUT ROWID;

-- One row: a prepared asset that a lost answer may have left behind, to be looked for until the index must know it.
CREATE TABLE stray (
  marker TEXT PRIMARY KEY,
  mirror INTEGER NOT NULL,
  session INTEGER NOT NULL,
  session_guid TEXT NOT NULL,
  storage_folder ANY NOT NULL, -- where it is: while that cannot be seen, nor can it
  since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row: a file that we are taking from its place, and of which it is not recorded whether it went (the journal).
CREATE TABLE local_move (
  mirror INTEGER NOT NULL,
  asset ANY NOT NULL,      -- whose file it is by agreement
  folder INTEGER NOT NULL, -- where it stood
  key TEXT NOT NULL,
  name TEXT,               -- NULL where it is the key
  size INTEGER NOT NULL,   -- which file it is
  mtime_ns INTEGER NOT NULL,
  ctime_ns INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  birth_ns INTEGER NOT NULL,
  md5 BLOB,                -- what it holds; both NULL where it was not read
  sha256 BLOB,
  kind INTEGER NOT NULL DEFAULT 0,
  to_folder INTEGER,       -- where it shall stand; NULL: it leaves, for the trash or to make room. So are the next four
  to_key TEXT,
  to_name TEXT,
  remote_folder INTEGER,   -- where the asset stood and what it was called when this was decided
  remote_filename TEXT,
  PRIMARY KEY (mirror, asset)
) STRICT, WITHOUT ROWID;
CREATE INDEX local_move_from ON local_move(folder, key);
CREATE INDEX local_move_to ON local_move(to_folder, to_key) WHERE to_folder IS NOT NULL;

-- One row: a file that we are putting under its name, and of which it is not recorded whether it has it (the journal). The
-- columns are those of the base row that is written then.
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

-- One row: how far a feed was read, or another small fact of a mirror.
CREATE TABLE cursor (
  mirror INTEGER NOT NULL,
  name TEXT NOT NULL,
  value ANY NOT NULL,
  PRIMARY KEY (mirror, name)
) STRICT, WITHOUT ROWID;

-- One row: an id that the server's hints named and that lies outside the mirror.
CREATE TABLE outside (
  mirror INTEGER NOT NULL,
  asset ANY NOT NULL,
  asked_at INTEGER NOT NULL,
  PRIMARY KEY (mirror, asset)
) STRICT, WITHOUT ROWID;

-- One row: a conflict that is open while its copy stands.
CREATE TABLE conflict (
  mirror INTEGER NOT NULL,
  copy_folder INTEGER NOT NULL,
  copy_key TEXT NOT NULL,
  asset ANY NOT NULL,      -- the original
  folder INTEGER NOT NULL,
  key TEXT NOT NULL,
  opened_at INTEGER NOT NULL,
  PRIMARY KEY (mirror, copy_folder, copy_key)
) STRICT, WITHOUT ROWID;

-- One row: something damsync did, or refused to do, and why. Only ever added to; kept 90 days.
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
  seen TEXT NOT NULL,      -- the three states that were seen, as JSON
  outcome TEXT NOT NULL    -- 'done', how else it was done, or why not
) STRICT;
CREATE INDEX history_at ON history(mirror, at);
CREATE INDEX history_path ON history(mirror, path);
CREATE INDEX history_guarded ON history(mirror, at)
  WHERE action IN ('trash_local', 'trash_remote', 'push_version', 'download');

-- One row: a plan that a guard holds, until it is approved or the world no longer matches it.
CREATE TABLE held_plan (
  id TEXT PRIMARY KEY,
  mirror INTEGER NOT NULL,
  guard TEXT NOT NULL,     -- which guard holds it; one plan of each
  reason TEXT NOT NULL,
  side TEXT,
  count INTEGER NOT NULL,
  total INTEGER NOT NULL,
  fingerprint TEXT NOT NULL,
  lines TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  approved_at INTEGER
) STRICT, WITHOUT ROWID;
