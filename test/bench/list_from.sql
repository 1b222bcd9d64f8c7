SELECT * FROM propstreet.project_list(page_size => 500);
