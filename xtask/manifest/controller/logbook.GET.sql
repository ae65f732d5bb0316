select id, mark, wind, note
from logbook
where id > :after and (:wind is null or wind = :wind)
order by id
limit :limit
