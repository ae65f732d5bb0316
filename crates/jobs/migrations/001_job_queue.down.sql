drop table job_slots;
drop table job_schedules;
drop table job_runners;
drop table job_queue;
