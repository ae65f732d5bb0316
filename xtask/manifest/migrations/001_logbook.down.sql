drop table logbook;
drop table boats;
