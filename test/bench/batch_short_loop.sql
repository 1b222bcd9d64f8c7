SELECT bench_short_loop(nextval('bench_project'), (SELECT body FROM bench_body WHERE items = 100));
