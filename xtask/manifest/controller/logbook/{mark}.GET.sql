select id, mark, wind, note from logbook where mark = :mark
