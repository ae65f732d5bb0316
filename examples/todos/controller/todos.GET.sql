select id, title, done
from todos
where owner = :caller_id and (:done is null or done = :done)
order by id
