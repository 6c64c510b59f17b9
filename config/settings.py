"""Every setting, declared once. A bad or missing one stops the start with its name and what is allowed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config.logs import logging_settings

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
if (BASE_DIR / ".env").is_file():
    env.read_env(BASE_DIR / ".env")


def read(name: str, kind: str, default: Any, *, allowed: str) -> Any:
    """A setting from the environment, as django-environ reads this kind of it."""
    try:
        return getattr(env, kind)(name, default=default)
    except (ValueError, KeyError, ImproperlyConfigured) as error:
        raise ImproperlyConfigured(f"{name}: write {allowed}.") from error


def required(name: str, development: str, *, allowed: str) -> str:
    """A setting that has a default in development, and must be given in production."""
    value: str = env.str(name, default="" if PRODUCTION else development).strip()
    if not value:
        raise ImproperlyConfigured(f"{name} is missing: write {allowed}.")
    return value


def secret(name: str, value: str, length: int) -> str:
    """Refuse secrets in production that are short, simple, or that an example shows."""
    weak = len(value) < length or len(set(value)) < 10
    if PRODUCTION and (weak or "development" in value or "change-me" in value or "insecure" in value):
        raise ImproperlyConfigured(f"{name}: write a random secret of at least {length} characters.")
    return value


def fingerprint_keys(text: str) -> dict[str, str]:
    """``name:secret`` pairs, separated by commas, the current key first."""
    keys: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, colon, value = pair.partition(":")
        if not (colon and name.isalnum() and len(name) <= 16 and value and name not in keys):
            raise ImproperlyConfigured(f"FINGERPRINT_KEYS: write {_KEYS}.")
        keys[name] = secret("FINGERPRINT_KEYS", value, 32)
    if not keys:
        raise ImproperlyConfigured(f"FINGERPRINT_KEYS is missing: write {_KEYS}.")
    return keys


def link_keys(text: str) -> list[str]:
    """Secrets separated by commas, the current one first."""
    keys = [key for key in (part.strip() for part in text.split(",")) if key]
    if not keys or len(set(keys)) != len(keys):
        raise ImproperlyConfigured(f"LINK_KEYS: write {_LINK_KEYS}.")
    return [secret("LINK_KEYS", key, 32) for key in keys]


def hosts(text: str) -> list[str]:
    """Host names, without scheme and path."""
    names = [name for name in (part.strip() for part in text.split(",")) if name]
    if not names or any(set(name) & set("/ ") or (PRODUCTION and "*" in name) for name in names):
        raise ImproperlyConfigured(f"ALLOWED_HOSTS: write {_HOSTS}.")
    return names


def database(url: str) -> dict[str, Any]:
    """Django's settings of a PostgreSQL or SQLite database."""
    try:
        found = dict(env.db_url_config(url))
    except (ValueError, KeyError) as error:
        raise ImproperlyConfigured(f"DATABASE_URL: write {_DATABASE}.") from error
    if not str(found.get("ENGINE", "")).endswith(("postgresql", "sqlite3")) or not found.get("NAME"):
        raise ImproperlyConfigured(f"DATABASE_URL: write {_DATABASE}.")
    return found


def public_url(text: str) -> str:
    """The beginning of the links in mails: scheme, host and port, and a path where Sendable has one of its own."""
    schemes = ("https",) if PRODUCTION else ("http", "https")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ImproperlyConfigured(f"PUBLIC_URL: write {_PUBLIC_URL}.") from error
    is_whole = parts.scheme in schemes and parts.hostname and port != 0
    if not is_whole or parts.query or parts.fragment or parts.username or set(text) & set(" <>\"'"):
        raise ImproperlyConfigured(f"PUBLIC_URL: write {_PUBLIC_URL}.")
    return text.rstrip("/")


def domain(text: str) -> str:
    """A domain whose mail comes to “manage.py receive_mail”, or nothing."""
    if text and not re.fullmatch(r"(?=.{1,190}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", text):
        raise ImproperlyConfigured("REPLY_DOMAIN: write a domain like reply.example.org, or leave it out.")
    return text


def rate(text: str) -> str:
    """So many in a time, of one address on the internet, as allauth writes it."""
    if not re.fullmatch(r"[1-9][0-9]{0,5}/[1-9][0-9]{0,3}[smhd]", text):
        raise ImproperlyConfigured("FORM_RATE: write a number and a time, like 20/10m.")
    return f"{text}/ip"


def requests_in_a_time(text: str) -> tuple[int, int]:
    """So many requests of one token in so many seconds."""
    if not re.fullmatch(r"[1-9][0-9]{0,6}/[1-9][0-9]{0,3}[smh]", text):
        raise ImproperlyConfigured("API_RATE: write a number and a time, like 1200/1m.")
    number, _slash, time = text.partition("/")
    return int(number), int(time[:-1]) * {"s": 1, "m": 60, "h": 3_600}[time[-1]]


_KEYS = "name:secret, several separated by commas, the current key first"
_LINK_KEYS = "one random secret of at least 32 characters, or several separated by commas, the current one first"
_HOSTS = "the names under which browsers reach Sendable, separated by commas, like sendable.example.org"
_PUBLIC_URL = "where people reach Sendable, like https://sendable.example.org"
_DATABASE = "postgres://user:password@host/name or sqlite:///path"

MODE = env.str("SENDABLE_MODE", default="development")
if MODE not in ("development", "production"):
    raise ImproperlyConfigured("SENDABLE_MODE: write development or production.")
PRODUCTION = MODE == "production"

DEBUG = not PRODUCTION and read("DEBUG", "bool", True, allowed="true or false")
SECRET_KEY = secret(
    "SECRET_KEY",
    required(
        "SECRET_KEY",
        "development-only-secret-key-that-protects-nothing",
        allowed="a random secret of at least 50 characters",
    ),
    50,
)
FINGERPRINT_KEYS = fingerprint_keys(required("FINGERPRINT_KEYS", "dev:development-only-fingerprint-key", allowed=_KEYS))
LINK_KEYS = link_keys(required("LINK_KEYS", "development-only-key-of-links-in-mails", allowed=_LINK_KEYS))
ALLOWED_HOSTS = hosts(required("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1],testserver", allowed=_HOSTS))
PUBLIC_URL = public_url(
    required("PUBLIC_URL", f"http://127.0.0.1:{env.str('PORT', default='8000')}", allowed=_PUBLIC_URL)
)
CSRF_TRUSTED_ORIGINS = read("CSRF_TRUSTED_ORIGINS", "list", [], allowed="origins like https://sendable.example.org")

(BASE_DIR / "var" / "static").mkdir(parents=True, exist_ok=True)
DATABASES = {
    "default": database(required("DATABASE_URL", f"sqlite:///{BASE_DIR / 'var/sendable.sqlite3'}", allowed=_DATABASE))
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA secure_delete=ON;",
    }
else:
    DATABASES["default"].setdefault("OPTIONS", {})["options"] = "-c jit=off"
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# Rates of log-ins are counted here. Several processes must count together, so they need a cache that they share.
CACHES = {
    "default": read("CACHE_URL", "cache_url", "locmemcache://", allowed="redis://host:6379/0 or memcache://host:11211")
}
# Tasks lie in the database, so that one is there exactly when what asked for it is. “manage.py worker” runs them.
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
IMPORT_STALLED_AFTER = read("IMPORT_STALLED_AFTER", "int", 60, allowed="a number of seconds")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django_htmx",
    "django_bootstrap5",
    "django_include_bootstrap",
    "django_filters",
    "django_tasks",
    "django_tasks_db",
    "ninja",
    "contacts.apps.ContactsConfig",
    "consent.apps.ConsentConfig",
]
MIDDLEWARE = [
    "csp.middleware.CSPMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.kept_nowhere",
    "config.middleware.in_utf_8",
    "config.logs.request_log",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.middleware.LogInFirst",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.middleware.in_the_projects_time",
    "config.middleware.RefusalsInWords",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["django.templatetags.i18n", "contacts.templatetags.sendable"],
        },
    }
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "contacts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
     "OPTIONS": {"user_attributes": ["email", "name"]}},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]  # fmt: skip
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "config.accounts.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "config.account_forms.LogIn",
    "reset_password": "config.account_forms.ForgottenPassword",
    "reset_password_from_key": "config.account_forms.NewPassword",
    "change_password": "config.account_forms.ChangePassword",
    "set_password": "config.account_forms.FirstPassword",
    "reauthenticate": "config.account_forms.PasswordAgain",
}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if PRODUCTION else "http"
ACCOUNT_RATE_LIMITS = {"public_form": rate(env.str("FORM_RATE", default="20/10m"))}
API_RATE = requests_in_a_time(env.str("API_RATE", default="1200/1m"))
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
MFA_ADAPTER = "config.accounts.SecondStepAdapter"
MFA_FORMS = {
    "authenticate": "config.account_forms.Code",
    "reauthenticate": "config.account_forms.CodeAgain",
    "activate_totp": "config.account_forms.FirstCode",
    "add_webauthn": "config.account_forms.AddKey",
    "edit_webauthn": "config.account_forms.RenameKey",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
# Admins make the accounts, so an address needs no proof before its owner may protect the account.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PRODUCTION
MFA_TOTP_ISSUER = "Sendable"
MFA_TOTP_TOLERANCE = 1

MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
vars().update(
    read("EMAIL_URL", "email_url", "consolemail://", allowed="smtp+tls://user:password@host:587 or consolemail://")
)
EMAIL_TIMEOUT = 30
REPLY_DOMAIN = domain(env.str("REPLY_DOMAIN", default="").strip().lower())
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="sendable@localhost")

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fr", "Français")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
USE_THOUSAND_SEPARATOR = False

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "var" / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT.mkdir(exist_ok=True)
WHITENOISE_USE_FINDERS = not PRODUCTION
if PRODUCTION:
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "config.errors.csrf_failure"
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000
if PRODUCTION:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = read("SECURE_SSL_REDIRECT", "bool", True, allowed="true or false")
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^u/"]  # an opt-out is never answered with a redirect (RFC 8058)
    SECURE_HSTS_SECONDS = read("SECURE_HSTS_SECONDS", "int", 365 * 24 * 3600, allowed="a number of seconds")
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
if read("BEHIND_PROXY", "bool", False, allowed="true or false"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    ALLAUTH_TRUSTED_PROXY_COUNT = 1

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()
if LOG_LEVEL not in ("DEBUG", "INFO", "WARNING", "ERROR"):
    raise ImproperlyConfigured("LOG_LEVEL: write DEBUG, INFO, WARNING or ERROR.")
LOGGING = logging_settings(level=LOG_LEVEL, as_json=PRODUCTION)
