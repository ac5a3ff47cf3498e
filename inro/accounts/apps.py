from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "inro.accounts"
    label = "accounts"
