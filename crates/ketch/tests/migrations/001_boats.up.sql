create table boats (id integer primary key, name text not null unique);
