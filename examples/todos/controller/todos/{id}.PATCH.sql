update todos set done = :done where id = :id and owner = :caller_id
returning id, title, done
