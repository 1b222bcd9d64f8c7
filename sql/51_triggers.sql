-- 51_triggers.sql: triggers. A transition table needs a trigger per event. They fire in the
-- order of their names: references before events.

CREATE TRIGGER propstreet_stamp BEFORE INSERT OR UPDATE ON propstreet.project
	FOR EACH ROW EXECUTE FUNCTION propstreet.project_stamp();
COMMENT ON TRIGGER propstreet_stamp ON propstreet.project IS 'Version, stamps and state rules';
CREATE TRIGGER propstreet_insert AFTER INSERT ON propstreet.project
	REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION propstreet.project_changed();
COMMENT ON TRIGGER propstreet_insert ON propstreet.project IS 'Unique references';
CREATE TRIGGER propstreet_update AFTER UPDATE ON propstreet.project
	REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION propstreet.project_changed();
COMMENT ON TRIGGER propstreet_update ON propstreet.project IS 'Unique references';
CREATE TRIGGER propstreet_insert_event AFTER INSERT ON propstreet.project
	REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION propstreet.project_event();
COMMENT ON TRIGGER propstreet_insert_event ON propstreet.project IS 'Events';
CREATE TRIGGER propstreet_update_event AFTER UPDATE ON propstreet.project
	REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION propstreet.project_event();
COMMENT ON TRIGGER propstreet_update_event ON propstreet.project IS 'Events';

CREATE TRIGGER propstreet_stamp BEFORE INSERT OR UPDATE ON propstreet.prospect
	FOR EACH ROW EXECUTE FUNCTION propstreet.prospect_stamp();
COMMENT ON TRIGGER propstreet_stamp ON propstreet.prospect IS 'Version, stamps and copies';
CREATE TRIGGER propstreet_insert AFTER INSERT ON propstreet.prospect
	REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION propstreet.prospect_changed();
COMMENT ON TRIGGER propstreet_insert ON propstreet.prospect IS 'Unique references';
CREATE TRIGGER propstreet_update AFTER UPDATE ON propstreet.prospect
	REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION propstreet.prospect_changed();
COMMENT ON TRIGGER propstreet_update ON propstreet.prospect IS 'Unique references';
CREATE TRIGGER propstreet_insert_event AFTER INSERT ON propstreet.prospect
	REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION propstreet.prospect_event();
COMMENT ON TRIGGER propstreet_insert_event ON propstreet.prospect IS 'Events';
CREATE TRIGGER propstreet_update_event AFTER UPDATE ON propstreet.prospect
	REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION propstreet.prospect_event();
COMMENT ON TRIGGER propstreet_update_event ON propstreet.prospect IS 'Events';

CREATE TRIGGER propstreet_stamp BEFORE INSERT OR UPDATE ON propstreet.contact
	FOR EACH ROW WHEN (array_lower(NEW.tags, 1) <> 1) EXECUTE FUNCTION propstreet.tags_stamp();
COMMENT ON TRIGGER propstreet_stamp ON propstreet.contact IS 'Tags with lower bound 1';
CREATE TRIGGER propstreet_stamp BEFORE INSERT OR UPDATE ON propstreet.company
	FOR EACH ROW WHEN (array_lower(NEW.tags, 1) <> 1) EXECUTE FUNCTION propstreet.tags_stamp();
COMMENT ON TRIGGER propstreet_stamp ON propstreet.company IS 'Tags with lower bound 1';
CREATE TRIGGER propstreet_update AFTER UPDATE ON propstreet.contact
	REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION propstreet.contact_changed();
COMMENT ON TRIGGER propstreet_update ON propstreet.contact IS 'Copies in prospects';
CREATE TRIGGER propstreet_update AFTER UPDATE ON propstreet.company
	REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION propstreet.company_changed();
COMMENT ON TRIGGER propstreet_update ON propstreet.company IS 'Copies in prospects';
