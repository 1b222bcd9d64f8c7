SELECT status, headers, body FROM propstreet.handle('GET', '/api/v1/projects?page_size=500', '{"Accept": "application/json"}');
