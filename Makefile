# Builds propstreet with PGXS. `make check` and `make demo` work without PostgreSQL: they install it, and test a private copy of it.

# Every test, in the order it runs; test/inside says what each suite covers, as `make check` does. Of REGRESS install, which makes
# what others share, is first, and drop is last. Outputs to compare with are in expected/, for REGRESS and ISOLATION alike.
REGRESS = install price price_range external_ref etag cursor \
	guide_projects guide_prospects guide_associated guide_external_refs project_validation prospect_validation project_update \
	no_change plain_sql external_refs upsert prospects teaser close_reopen associated linked_properties snapshots tenancy hostile_rows \
	hostile_search_path triggers row_json batch_add batch_update idempotency lists changes events webhooks webhook_queue purge \
	rest_guide rest_errors rest_headers rest_postgrest check owner_changes drop
ISOLATION = concurrent_update concurrent_upsert concurrent_reference concurrent_add concurrent_copy concurrent_teaser \
	concurrent_install concurrent_batch concurrent_batch_update concurrent_idempotency concurrent_purge concurrent_webhooks concurrent_ddl \
	sync_pages sync_writers notify rest_retries
PROVE_TESTS := $(sort $(wildcard test/t/*.pl))

# Goals of test/run. They come before PGXS, as there may be no pg_config yet and PGXS has a check target of its own.
RUN_GOALS = check demo soak fuzz bench

ifneq ($(filter $(RUN_GOALS) schedule format pictures,$(MAKECMDGOALS)),)

.PHONY: $(RUN_GOALS) schedule format pictures

$(RUN_GOALS):
	@test/run $@

schedule:
	@printf '%s\n' $(REGRESS:%='regress %') $(ISOLATION:%='isolation %') $(PROVE_TESTS:%='tap %')

format:
	@test/format

# Graphviz draws the pictures of the documentation from doc/*.dot; both are kept.
pictures: $(patsubst %.dot,%.svg,$(wildcard doc/*.dot))

doc/%.svg: doc/%.dot
	dot -Tsvg $< -o $@

else

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
ifeq ($(wildcard $(PGXS)),)
$(error $(PG_CONFIG) or its PGXS is missing: install postgresql-server-dev, set PG_CONFIG, or try `make check`, which installs what it needs)
endif

EXTENSION = propstreet
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(EXTENSION).control)
SCRIPT = $(EXTENSION)--$(EXTVERSION).sql
DATA_built = $(SCRIPT)

MODULE_big = propstreet
OBJS = $(patsubst %.c,%.o,$(filter-out src/worker/%.c,$(sort $(wildcard src/*.c src/*/*.c))))

# The webhook worker is a shared object of its own: only it needs libcurl. WEBHOOKS=no leaves it out.
ifneq ($(WEBHOOKS),no)
MODULES = propstreet_webhooks
endif
WORKER_OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/worker/*.c)))

# The server's headers are included as system headers, so that their own warnings don't count. WERROR=1 turns warnings into errors.
PG_CPPFLAGS = -Isrc -isystem $(shell $(PG_CONFIG) --includedir-server) $(shell pkg-config --cflags json-c 2>/dev/null)
PG_CFLAGS = -Wall -Wextra $(if $(WERROR),-Werror)
# json-c's static library, where it is there: its functions are then ours, and hidden as ours are. Of a shared one, those of another
# library that comes first and has the same names would be called.
JSON_C = $(filter /%,$(shell $(CC) -print-file-name=libjson-c.a))
SHLIB_LINK = $(or $(JSON_C),$(shell pkg-config --libs json-c 2>/dev/null),-ljson-c) $(HIDE)src/propstreet.map
HIDE = -Wl,-Bsymbolic,--version-script=

# Bitcode would need the very clang that built the server, for nothing that inlining could speed up here.
override with_llvm = no

REGRESS_OPTS = --inputdir=test --encoding=UTF8
ISOLATION_OPTS = --inputdir=test --outputdir=. --encoding=UTF8
TAP_TESTS := $(if $(PROVE_TESTS),1)

EXTRA_CLEAN = src/types/currencies.h src/propstreet.map $(WORKER_OBJS)

include $(PGXS)

$(OBJS) $(WORKER_OBJS): $(wildcard src/*.h src/*/*.h)

# The symbols that PostgreSQL looks up: all others are hidden, and nothing of ours is called by way of the symbol table. The
# server loads libraries into one name space, where another one's function of the same name would be called instead.
$(shlib): src/propstreet.map
src/propstreet.map: $(OBJS)
	{ echo '{ global: Pg_magic_func; _PG_init;'; nm -g $(OBJS) | sed -n 's/.* pg_finfo_\(.*\)/\1; pg_finfo_\1;/p' | LC_ALL=C sort; \
	  echo 'local: *; };'; } > $@.tmp && mv $@.tmp $@

src/worker/send.o: override CPPFLAGS += $(shell pkg-config --cflags libcurl 2>/dev/null)
propstreet_webhooks$(DLSUFFIX): $(WORKER_OBJS) src/worker/webhooks.map
	$(CC) $(CFLAGS) $(WORKER_OBJS) $(HIDE)src/worker/webhooks.map $(LDFLAGS) $(LDFLAGS_SL) -shared -o $@ $(or $(shell pkg-config --libs libcurl 2>/dev/null),-lcurl)

# The table of currencies; src/types/currencies.awk says how to refresh it.
src/types/money.o: src/types/currencies.h
src/types/currencies.h: src/types/currencies.awk src/types/iso-4217.csv
	LC_ALL=C sort src/types/iso-4217.csv | awk -f src/types/currencies.awk > $@.tmp && mv $@.tmp $@

# Parts 0 to 4 are the extension; parts 5 are the tables, which the extension only carries, as the text of a function.
CODE = $(sort $(wildcard sql/[0-4]*.sql))
TABLES = $(sort $(wildcard sql/5*.sql))

$(SCRIPT): $(CODE) $(TABLES) $(EXTENSION).control Makefile
	@! grep -nF -e '$$install$$' -e '$$tables$$' $(TABLES) /dev/null || { echo 'the script uses these tags to quote the tables'; exit 1; }
	{ printf '%s\n' '\echo Use "CREATE EXTENSION $(EXTENSION)" to load this file. \quit'; \
	  cat $(CODE) /dev/null; \
	  printf '%s\n' '' 'CREATE FUNCTION propstreet.install_1() RETURNS pg_catalog.text' \
	    'LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$install$$ SELECT $$tables$$'; \
	  cat $(TABLES) /dev/null; \
	  printf '%s\n' '$$tables$$::pg_catalog.text $$install$$;' \
	    'COMMENT ON FUNCTION propstreet.install_1()' \
	    "    IS 'Table definitions of version 1, run by propstreet.install()';"; \
	} > $@

endif
