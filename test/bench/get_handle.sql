\set id random(1, :rows)
SELECT status, headers, body FROM propstreet.handle('GET', '/api/v1/projects/' || :id, '{"Accept": "application/json"}');
