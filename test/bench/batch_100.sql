SELECT propstreet.prospect_add_batch(nextval('bench_project'), (SELECT body FROM bench_body WHERE items = 100));
