drop table stays;
drop table boats;
