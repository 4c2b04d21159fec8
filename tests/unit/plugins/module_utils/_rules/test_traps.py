# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sandbox's app with what apps on Heroku really have in them: all of it is found at its line, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.app import OnHeroku
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.source_info import inspect

APP = Path(__file__).parents[4] / "sandbox" / "scenarios" / "guide" / "app"

# A line that ends in "#! ID" is a trap; the mark itself is not written.
FILES = {
    "Gemfile": """\
source 'https://rubygems.org'

gem 'rails', '~> 8.0'
gem 'puma'
gem 'sidekiq' #! redis-billed
gem 'pg'
gem 'barnes' #! heroku-package
gem 'rack-attack' #! client-ip
gem 'image_processing' #! missing-program
gem 'good_job' #! postgres-session
gem 'rack-timeout'
""",
    "Gemfile.lock": """\
GEM
  remote: https://rubygems.org/
  specs:
    barnes (0.0.9)
    good_job (4.5.0)
    image_processing (1.13.0)
    pg (1.5.9)
    propshaft (1.1.0)
    puma (6.5.0)
    rack-attack (6.7.0)
    rack-timeout (0.7.0)
    rails (8.0.1)
    sidekiq (7.3.7)
GEM
  remote: https://gems.contribsys.com/ #! private-gems
  specs:
    sidekiq-pro (7.3.0)

RUBY VERSION
   ruby 3.3.6p108
""",
    "Dockerfile": """\
FROM ruby:3.4-slim #! ruby-version
WORKDIR /rails
COPY . .
RUN bundle install
RUN bin/rails assets:precompile #! precompile-secret
EXPOSE 8080
CMD ["bundle", "exec", "puma", "-C", "config/puma.rb"]
""",
    "Procfile": """\
web: bin/start-pgbouncer bundle exec puma -C config/puma.rb #! buildpack-helper
worker: bundle exec sidekiq -C config/sidekiq.yml
clock: bundle exec clockwork lib/clock.rb #! clock
release: bin/release-tasks.sh #! missing-script
""",
    "Aptfile": """\
# previews of uploads
ffmpeg #! aptfile-package
""",
    "app.json": """\
{
  "name": "paper-crane",
  "scripts": {
    "postdeploy": "bin/rails db:seed" #! app-json
  }
}
""",
    "package.json": """\
{
  "scripts": {
    "build": "esbuild app/javascript/*.js",
    "heroku-postbuild": "npm run build" #! build-hook
  }
}
""",
    ".profile": "export MALLOC_ARENA_MAX=2 #! profile\n",
    "bin/rake": "#!/usr/bin/env ruby\n",
    "config/puma.rb": """\
threads 5, 5
workers ENV.fetch('WEB_CONCURRENCY', 2)
bind "tcp://127.0.0.1:#{ENV.fetch('PORT', 3000)}" #! bind-localhost
on_worker_boot { puts "#{ENV['DYNO']} is up" } #! env-dyno
""",
    "config/database.yml": """\
default: &default
  adapter: postgresql
  # sslmode: require
production:
  <<: *default
  url: <%= ENV['DATABASE_URL'] %>
  sslmode: require #! postgres-tls-forced
  variables: #! postgres-settings
    statement_timeout: 15000
reporting:
  <<: *default
  url: <%= ENV['HEROKU_POSTGRESQL_BLUE_URL'] %> #! env-postgres-url
""",
    "config/cable.yml": """\
development:
  adapter: async
production:
  adapter: redis
  url: <%= ENV.fetch('REDIS_TLS_URL') { ENV['REDIS_URL'] } %> #! env-redis-url
""",
    "config/storage.yml": "local:\n  service: Disk\n  root: <%= Rails.root.join('storage') %>\n",
    "config/environments/production.rb": """\
Rails.application.configure do
  # ENV['DYNO'] and paper-crane.herokuapp.com in a comment are nothing.
  config.eager_load = true
  config.public_file_server.enabled = ENV['RAILS_SERVE_STATIC_FILES'].present? #! static-files
  config.active_storage.service = :local #! active-storage-disk
  config.force_ssl = true #! force-ssl-check
  config.cache_store = :redis_cache_store, { url: ENV['REDIS_URL'] } #! redis-shared
  config.action_mailer.default_url_options = { host: 'paper-crane.herokuapp.com' } #! herokuapp-host
  config.action_cable.allowed_request_origins = ['https://www.example.com'] #! cable-origins
  config.hosts << 'www.example.com' #! host-list
  if ENV['RAILS_LOG_TO_STDOUT'].present? #! log-to-stdout
    config.logger = ActiveSupport::Logger.new($stdout)
  end
end
""",
    "config/environments/development.rb": "Rails.application.configure { ENV['HEROKU_APP_NAME'] }\n",
    "config/initializers/sidekiq.rb": """\
Sidekiq.configure_server do |config|
  config.redis = { ssl_params: { verify_mode: OpenSSL::SSL::VERIFY_NONE } } #! redis-verify-none
end
""",
    "config/initializers/stripe.rb": "Stripe.api_key = ENV.fetch('STRIPE_PRIVATE_KEY') #! build-environment\n",
    "config/initializers/timeout.rb": "Rack::Timeout.timeout = 25 #! router-timeout\n",
    "config/initializers/sentry.rb": """\
Sentry.init do |config|
  config.release = ENV['HEROKU_SLUG_COMMIT'] #! env-heroku
  config.environment = ENV['HEROKU_APP_NAME'] # flyover:ignore env-heroku
end
""",
    "app/models/user.rb": "class User < ApplicationRecord\n  has_one_attached :avatar\nend\n",
    "app/uploaders/logo_uploader.rb": """\
class LogoUploader < CarrierWave::Uploader::Base
  storage :file #! uploads-on-disk
end
""",
    "app/controllers/sessions_controller.rb": """\
class SessionsController < ApplicationController
  def create
    ip = request.env['HTTP_X_FORWARDED_FOR'].to_s.split(',').last #! forwarded-for
    audit(ip, queue: request.headers['X-Heroku-Queue-Wait-Time']) #! heroku-header
  end
end
""",
    "app/models/export.rb": """\
class Export
  def call
    File.write(Rails.root.join('public', 'export.csv'), rows) #! writes-to-disk
  end
end
""",
    "db/structure.sql": "CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA heroku_ext; #! heroku-ext\n",
    "spec/models/user_spec.rb": "ENV['DYNO'] = 'web.1'\n",
    "README.md": "Deployed to https://paper-crane.herokuapp.com\n",
}
FLY_TOML = """\
app = 'paper-crane'
[http_service]
  internal_port = 8080
  [[http_service.checks]]
    path = '/up'
"""


def test_every_trap_at_its_line_and_nothing_else(tmp_path: Path) -> None:
    shutil.copytree(APP, tmp_path / "app")
    (tmp_path / "app" / "fly.toml").write_text(FLY_TOML)
    traps = set()
    for name, text in FILES.items():
        lines = text.split("\n")
        for number, line in enumerate(lines, 1):
            kept, mark, rule = line.partition(" #! ")
            lines[number - 1] = kept
            traps |= {(rule, name, number)} if mark else set()
        path = tmp_path / "app" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines))
    heroku = OnHeroku(hosts=("paper-crane.herokuapp.com",), formation={"web": 2, "worker": 1, "clock": 1})
    found = inspect(str(tmp_path / "app"), heroku)["findings"]
    assert {(entry["id"], entry["path"], entry["line"]) for entry in found} == traps
    assert len(traps) == len(found) == 38
