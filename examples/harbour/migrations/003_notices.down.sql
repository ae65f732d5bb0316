drop table occupancy;
alter table stays drop column reminder;
drop table notices;
