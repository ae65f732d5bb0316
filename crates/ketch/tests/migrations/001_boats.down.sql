drop table boats;
