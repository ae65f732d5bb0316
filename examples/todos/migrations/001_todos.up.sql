create table todos (
    id    integer primary key,
    owner text not null,
    title text not null,
    done  boolean not null default false
);
create index todos_of_owner on todos (owner, id);
