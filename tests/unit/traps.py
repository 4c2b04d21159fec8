# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sandbox's app with what real apps on Heroku contain, each trap where people have it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

APP = Path(__file__).parents[1] / "sandbox" / "scenarios" / "guide" / "app"

# A line that ends in "#! ID", or in several, is a trap; the mark itself is not written.
FILES = {
    "Gemfile": """\
source 'https://rubygems.org'

gem 'rails', '~> 8.0'
gem 'puma'
gem 'sidekiq' #! redis-billed
gem 'pg'
gem 'barnes' #! heroku-package
gem 'rack-attack'
gem 'whenever'
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
    whenever (1.0.0)
GEM
  remote: https://gems.contribsys.com/ #! private-gems
  specs:
    sidekiq-pro (7.3.0)

RUBY VERSION
   ruby 3.3.6p108

BUNDLED WITH
   2.5.22
""",
    "Dockerfile": """\
FROM ruby:3.4-slim #! ruby-version, production-env
WORKDIR /rails
COPY . .
RUN gem install bundler -v 1.17.3 #! bundler-version
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
    "bin/console": "#!/bin/sh\nexec heroku run -a paper-crane bin/rails console #! heroku-cli\n",
    "config/schedule.rb": "every(1.day) { rake 'digest' } #! cron\n",
    "config/initializers/scheduler.rb": """\
Rufus::Scheduler.singleton.every('1h') { Digest.send } #! scheduler-in-process
""",
    "config/initializers/rack_attack.rb": """\
Rack::Attack.throttle('logins', limit: 5, period: 60) { |req| req.ip if req.post? } #! client-ip
""",
    "app/models/lease.rb": """\
class Lease < ApplicationRecord
  def take
    self.class.connection.select_value("select pg_try_advisory_lock(#{id})") #! postgres-session
  end
end
""",
    "lib/middleware/queue_time.rb": """\
class QueueTime
  def call(env)
    StatsD.timing('queue', env['HTTP_X_REQUEST_START']) #! request-start
    @app.call(env)
  end
end
""",
    "app/javascript/origin.js": """\
// https://paper-crane.herokuapp.com is where it was
export const origin = 'https://paper-crane.herokuapp.com' #! herokuapp-host
""",
    ".gitignore": ".env\n/config/master.key\n",
    ".dockerignore": "log/*\ntmp/*\n",
    ".env": "STRIPE_PRIVATE_KEY=sk_canary\n",
    "config/puma.rb": """\
threads 5, 5
workers ENV.fetch('WEB_CONCURRENCY', 2)
bind "tcp://127.0.0.1:#{ENV.fetch('PORT', 3000)}" #! bind-localhost
plugin :solid_queue #! jobs-in-web
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
  auto_stop_machines = 'stop'
  [[http_service.checks]]
    path = '/up'
"""
IGNORED = ".env"


def write(folder: Path) -> set[tuple[str, str, int]]:
    """Write the app into O(folder), a checkout, and return its traps: the finding's id, the file and the line."""
    shutil.copytree(APP, folder)
    (folder / "fly.toml").write_text(FLY_TOML)
    traps = {("secret-files", ".dockerignore", 0)}
    for name, text in FILES.items():
        lines = text.split("\n")
        for number, line in enumerate(lines, 1):
            kept, mark, rules = line.partition(" #! ")
            lines[number - 1] = kept
            traps |= {(rule, name, number) for rule in rules.split(", ")} if mark else set()
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines))
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "All of it"]):
        subprocess.run(["git", *identity, *command], cwd=folder, env=environment, check=True, capture_output=True)
    return traps
