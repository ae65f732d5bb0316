delete from boats where name in ('Suhaili', 'Gipsy Moth IV', 'Spray');
