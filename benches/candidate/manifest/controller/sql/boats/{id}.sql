select id, name, kind, length, made_at from boats where id = :id
