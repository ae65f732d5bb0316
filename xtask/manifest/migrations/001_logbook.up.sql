create table boats (
    id      integer primary key,
    owner   text not null,
    name    text not null check (length(name) < 20),
    length  real,
    sold    boolean not null default false,
    papers  json,
    stamp   blob,
    built   date
);
create index boats_of_owner on boats (owner, id);
create table logbook (
    id    integer primary key,
    mark  uuid not null unique,
    wind  integer,
    note  text not null
);
