-- A number is never given twice, because people write it on paper.
create table boats (
  id bigint generated always as identity primary key,
  name text not null unique,
  kind text not null check (kind in ('sloop', 'ketch', 'yawl', 'motor')),
  length real not null check (length between 2.5 and 60)
);

-- Pages of one kind are read from here.
create index boats_by_kind on boats (kind, id);

create table stays (
  berth integer primary key check (berth between 1 and 40),
  boat bigint not null unique references boats (id)
);
