SELECT propstreet.project_list(page_size => 500, cursor => (SELECT cursor FROM bench_cursor));
