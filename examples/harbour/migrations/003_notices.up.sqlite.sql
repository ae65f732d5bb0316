-- What a boat's skipper is told. Jobs write it.
create table notices (
  id integer primary key autoincrement,
  boat integer not null references boats (id) on delete cascade,
  text text not null
) strict;

create index notices_by_boat on notices (boat, id);

-- The job that reminds the skipper of this stay.
alter table stays add column reminder integer;

-- How full the harbour was. A job counts every night.
create table occupancy (
  id integer primary key autoincrement,
  day text not null default (date('now')),
  berths integer not null
) strict;
