insert into logbook (mark, wind, note) values (:mark, :wind, :note)
returning id, mark, wind, note
