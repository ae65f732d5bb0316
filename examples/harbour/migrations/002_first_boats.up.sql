insert into boats (name, kind, length) values
  ('Suhaili', 'ketch', 9.8),
  ('Gipsy Moth IV', 'ketch', 16.5),
  ('Spray', 'yawl', 11.2);
