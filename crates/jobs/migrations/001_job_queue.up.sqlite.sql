-- The queue of jobs. Any program may insert a row; a type and a payload are enough, and it is run within a second:
--
--   insert into job_queue (job_type, payload) values ('send_welcome', '{"user": 7}');
--
-- Times are whole milliseconds since 1970 in UTC, with every engine.
create table job_queue (
  -- Never given twice. Leave it to the database.
  id integer primary key autoincrement check (id between 1 and 9007199254740991),
  -- Which job: what its `Job::TYPE` says.
  job_type text not null check (job_type <> ''),
  -- What it is made from: JSON.
  payload text not null default '{}' check (json_valid(payload)),
  -- Queues have limits of their own; somebody has to work on it (`Server::queue`).
  queue text not null default 'default' check (queue <> ''),
  -- 0 to 9; of what is due, 9 is run first.
  priority integer not null default 5 check (priority between 0 and 9),
  -- `pending` waits for its time, its turn or another attempt; `running` is claimed; the others have ended: well, for
  -- want of attempts, or because somebody did not want it any more.
  status text not null default 'pending' check (status in ('pending', 'running', 'done', 'dead', 'cancelled')),
  -- Not before. The check refuses seconds and microseconds.
  run_at integer not null default (cast((julianday('now') - 2440587.5) * 86400000.0 as integer))
    check (run_at between 1000000000000 and 253370764799999),
  -- Of a type, one job that waits or runs may have it. An insert that must not fail says
  -- `on conflict (job_type, unique_key) where unique_key is not null and status in ('pending', 'running') do nothing`.
  unique_key text check (length(cast(unique_key as blob)) between 1 and 1024),
  -- How often it was begun. An attempt counts when it begins, so that a job which kills its process comes to an end.
  attempts integer not null default 0 check (attempts between 0 and 1000000000),
  -- How often it is begun, at most; then it is dead.
  max_attempts integer not null default 20 check (max_attempts between 1 and 2147483647),
  created_at integer not null default (cast((julianday('now') - 2440587.5) * 86400000.0 as integer)),
  -- When it was begun last.
  started_at integer,
  -- When it ended; that it is purged is counted from here.
  finished_at integer,
  -- The runner that has it.
  claimed_by text,
  -- Grows with every claim; whoever has an older one may not say how the job ended.
  claim integer not null default 0 check (claim between 0 and 1000000000000000),
  -- 1: somebody asked for its end while it ran.
  cancel_requested integer not null default 0 check (cancel_requested in (0, 1)),
  -- How far it has come, 0 to 1, and a word on it, as the job says.
  progress real,
  progress_note text,
  -- Why the last attempt failed.
  last_error text,
  -- The recurrent job that this is one run of, and its slot.
  schedule text,
  slot integer
) strict;

-- One claim reads the head of this for each priority of a queue.
create index job_queue_pending on job_queue (queue, priority, run_at, id) where status = 'pending';
create index job_queue_running on job_queue (claimed_by) where status = 'running';
create unique index job_queue_unique on job_queue (job_type, unique_key)
  where unique_key is not null and status in ('pending', 'running');
-- Purged in this order.
create index job_queue_finished on job_queue (status, coalesce(finished_at, created_at))
  where status in ('done', 'dead', 'cancelled');
-- Looked for by people, and counted. A job that goes well is in none of them.
create index job_queue_dead on job_queue (status, id) where status in ('dead', 'cancelled');
create index job_queue_retrying on job_queue (run_at) where status = 'pending' and attempts > 0;

-- Used with PostgreSQL only, where several processes claim: one process has an SQLite database.
create table job_runners (
  id text primary key,
  started_at integer not null,
  beat integer not null default 0
) strict;

-- Recurrent jobs as far as they have come. Slots up to `floor` are never run again.
create table job_schedules (
  name text primary key,
  floor integer not null
) strict;

-- The slots after `floor` that were run, so that each is run once, whatever the clock does.
create table job_slots (
  id integer primary key autoincrement,
  schedule text not null references job_schedules (name) on delete cascade,
  slot integer not null,
  unique (schedule, slot)
) strict;
