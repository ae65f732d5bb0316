insert into todos (owner, title) values (:caller_id, :title)
returning id, title, done
