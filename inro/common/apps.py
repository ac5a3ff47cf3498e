from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "inro.common"
    label = "common"
