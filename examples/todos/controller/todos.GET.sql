select id, title, done
from todos
where owner = :caller_id and (cast(:done as boolean) is null or done = :done)
order by id
