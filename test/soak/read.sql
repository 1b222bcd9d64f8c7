CALL soak.follow(:client_id);
