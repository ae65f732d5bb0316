-- Times are milliseconds since 1970 in UTC. A row that any program inserts with a type and a payload is run.
create table job_queue (
  -- Never given twice.
  id integer primary key autoincrement,
  -- What `Job::TYPE` says.
  job_type text not null check (job_type <> ''),
  -- JSON.
  payload text not null default '{}' check (json_valid(payload)),
  queue text not null default 'default' check (queue <> ''),
  -- 9 is run first.
  priority integer not null default 5 check (priority between 0 and 9),
  status text not null default 'pending' check (status in ('pending', 'running', 'done', 'dead', 'cancelled')),
  -- Not before. The check refuses seconds and microseconds.
  run_at integer not null default (cast((julianday('now') - 2440587.5) * 86400000.0 as integer))
    check (run_at between 1000000000000 and 253370764799999),
  -- Of a type, one unfinished job may have it.
  unique_key text check (length(cast(unique_key as blob)) between 1 and 1024),
  attempts integer not null default 0 check (attempts >= 0),
  max_attempts integer not null default 20 check (max_attempts >= 1),
  created_at integer not null default (cast((julianday('now') - 2440587.5) * 86400000.0 as integer)),
  -- The last time it was claimed.
  started_at integer,
  finished_at integer,
  -- Who runs it: `job_runners.id`.
  claimed_by text,
  -- Grows with every claim; whoever has an older one may not say how the job ended.
  claim integer not null default 0,
  cancel_requested integer not null default 0 check (cancel_requested in (0, 1)),
  -- 0 to 1, as the job says.
  progress real,
  progress_note text,
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

-- Who claims jobs. `beat` grows while it lives.
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
