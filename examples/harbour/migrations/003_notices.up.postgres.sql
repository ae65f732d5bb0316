-- What a boat's skipper is told. Jobs write it.
create table notices (
  id bigint generated always as identity primary key,
  boat bigint not null references boats (id) on delete cascade,
  text text not null
);

create index notices_by_boat on notices (boat, id);

-- The job that reminds the skipper of this stay.
alter table stays add column reminder bigint;

-- How full the harbour was. A job counts every night.
create table occupancy (
  id bigint generated always as identity primary key,
  day text not null default ((now() at time zone 'utc')::date::text),
  berths bigint not null
);
