delete from logbook where mark = :mark
