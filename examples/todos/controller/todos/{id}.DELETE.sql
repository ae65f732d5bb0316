delete from todos where id = :id and owner = :caller_id
