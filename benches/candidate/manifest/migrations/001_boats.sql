-- The file that is measured has it already.
create table if not exists boats (
    id integer primary key,
    name text not null,
    kind text not null,
    length real not null,
    made_at integer not null
);
