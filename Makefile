# The front door. `make demo` and `make test` set up what they lack; `make help` lists the rest.

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
MODULES := -p mod_h264_streaming_apache -p mod_h264_streaming_lighttpd
# Asked by the shell, once setup.sh has installed what it can. Without nginx's development files the others are built.
NGINX_MODULE = $$(if [ -n "$$NGINX_SRC" ] || [ -e /usr/share/nginx/src/conf_flags ]; then \
	echo '-p mod_h264_streaming_nginx'; fi)
BUILT := $(TARGET)/release
STEP := @tests/step.sh

PREFIX ?= /usr/local
APACHE_MODULES ?= $(or $(shell apxs -q LIBEXECDIR 2>/dev/null),/usr/lib/apache2/modules)
APACHE_CONF ?= $(or $(shell apxs -q SYSCONFDIR 2>/dev/null),/etc/apache2)
LIGHTTPD_MODULES ?= /usr/lib/lighttpd
LIGHTTPD_CONF ?= /etc/lighttpd
NGINX_MODULES ?= /usr/lib/nginx/modules
NGINX_CONF ?= /etc/nginx/modules-available
NGINX_ENABLED ?= /etc/nginx/modules-enabled
STRIP ?= strip

.PHONY: help build demo test check conformance screens sanitize bench instructions fuzz install uninstall deb dist docker-test fresh deny msrv clean

help:
	@echo 'make demo         a film on Apache and lighttpd (and nginx), and a page to cut it on'
	@echo 'make test         format, lints and all tests, on both real servers'
	@echo 'make conformance  every film cut everywhere, judged by two readers and a browser'
	@echo 'make screens      what browsers and other players show of clips'
	@echo 'make sanitize     the server tests with all servers under valgrind'
	@echo 'make bench        requests/s and time to first byte, beside nginx and static files'
	@echo 'make instructions that no more of them are needed for a request than before'
	@echo 'make build        the modules and the command line, in $(TARGET)/release'
	@echo 'make install      them, into DESTDIR, PREFIX and the servers'"'"' module folders'
	@echo 'make uninstall    removes them again'
	@echo 'make deb          Debian packages of them, for the servers that are installed, in $(TARGET)/deb'
	@echo 'make dist         the sources of the commit that is checked out, as one file, in $(TARGET)/dist'
	@echo 'make docker-test  the server tests against images of all servers, and caches in front'
	@echo 'make fresh        all of this as a newcomer does it, on fresh roots of Debian 12 and 13'
	@echo 'make fuzz         hostile films and requests, SECONDS of each kind (needs nightly Rust)'
	@echo 'make deny         licences, sources and advisories of the dependencies'
	@echo 'make msrv         that the oldest Rust that Cargo.toml allows compiles everything'

# A module of an nginx that was there at an earlier build goes: nobody else's nginx would start with it.
define BUILD_MODULES
	$(STEP) build $(CARGO) build --release --locked $(MODULES) -p mp4seek $(NGINX_MODULE)
	@[ -n "$(NGINX_MODULE)" ] || rm -f "$(BUILT)/libmod_h264_streaming_nginx.so"
endef

build:
	@tests/setup.sh build
	$(BUILD_MODULES)

demo:
	@tests/setup.sh demo
	$(BUILD_MODULES)
	$(STEP) build $(CARGO) build --release --locked --no-default-features -p tests --bin demo
	$(STEP) demo "$(TARGET)/release/demo"

check:
	@tests/setup.sh test
	$(STEP) format $(CARGO) fmt --all --check
	$(STEP) lints $(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(STEP) doc env RUSTDOCFLAGS='-D warnings' $(CARGO) doc --quiet --workspace --no-deps --locked

# What is cut most often, and in the hardest ways.
SAMPLE := ^(bframes|open_gop_some|vfr_pyramid|edits_several|late_audio|subtitles_mov|audio_opus|frag_cmaf|frag_hybrid)$$

# Four at once on a small machine, too: tests of servers wait more than they work.
TEST_THREADS = $${RUST_TEST_THREADS:-$$(cores=$$(nproc); echo $$((cores < 4 ? 4 : cores)))}

# The servers load the modules as they are installed: built for release.
test: check build
	@tests/setup.sh conformance
	@rm -f "$(TARGET)/h264-tests/untested"
	$(STEP) tests env RUST_TEST_THREADS=$(TEST_THREADS) $(CARGO) test --workspace --locked
	@FILMS='$(SAMPLE)' tests/step.sh films $(CARGO) run --quiet --locked -p tests --bin conformance
	@[ ! -e "$(TARGET)/h264-tests/untested" ] || \
		echo "NOT tested, as it is not on this machine: $$(sort -u "$(TARGET)/h264-tests/untested" | paste -sd ' ')"

conformance: build
	@tests/setup.sh conformance
	$(STEP) films $(CARGO) run --quiet --locked -p tests --bin conformance

screens: build
	@tests/setup.sh screens
	$(STEP) tests $(CARGO) test --locked -p tests --features screens --test firefox --test encrypted
	$(CARGO) run --quiet --locked -p tests --bin screens -- $(SCREENS)

sanitize: build
	@tests/setup.sh sanitize
	H264_VALGRIND=1 $(CARGO) test --locked -p tests --test http --test clients --test filters --test limits --test measures \
		--test random_queries -- --test-threads=2

bench: build
	@tests/setup.sh bench
	$(CARGO) bench --quiet --locked -p mp4seek --bench bars
	$(CARGO) run --quiet --release --locked -p tests --bin bench -- $(BENCH)

instructions:
	@tests/setup.sh instructions
	core/benches/instructions.sh

# Does not build over what is there, so that it can run as another user than `make build`.
install uninstall: export DESTDIR := $(DESTDIR)
install uninstall: export PREFIX := $(PREFIX)
install uninstall: export APACHE_MODULES := $(APACHE_MODULES)
install uninstall: export APACHE_CONF := $(APACHE_CONF)
install uninstall: export LIGHTTPD_MODULES := $(LIGHTTPD_MODULES)
install uninstall: export LIGHTTPD_CONF := $(LIGHTTPD_CONF)
install uninstall: export NGINX_MODULES := $(NGINX_MODULES)
install uninstall: export NGINX_CONF := $(NGINX_CONF)
install uninstall: export NGINX_ENABLED := $(NGINX_ENABLED)
install uninstall: export STRIP := $(STRIP)
install uninstall: export BUILT := $(BUILT)
install:
	@for file in libmod_h264_streaming_apache.so libmod_h264_streaming_lighttpd.so mp4seek; do \
		[ -e "$(BUILT)/$$file" ] || exec $(MAKE) build; done
	@tests/install.sh install
uninstall:
	@tests/install.sh uninstall

deb:
	@tests/setup.sh deb
	@.packaging/deb.sh

dist:
	@.packaging/dist.sh

fuzz:
	@tests/setup.sh fuzz
	core/fuzz/run.sh $(SECONDS)

docker-test:
	@tests/docker/run.sh

fresh:
	@tests/fresh.sh $(FRESH)

deny:
	@tests/deny.sh

msrv:
	@tests/setup.sh build
	@tests/msrv.sh

clean:
	$(CARGO) clean
