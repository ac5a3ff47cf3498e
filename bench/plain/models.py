from django.db import models


class MediaFile(models.Model):
    file = models.FileField(upload_to="files/%Y/%m/%d")
    status = models.CharField(max_length=10, default="ready")
    media_type = models.CharField(max_length=10, default="image")
    mime_type = models.CharField(max_length=100, default="image/jpeg")
    name = models.CharField(max_length=255, blank=True)
    description = models.TextField(blank=True)
    caption = models.TextField(blank=True)
    size = models.PositiveBigIntegerField(default=0)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    duration = models.FloatField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    source_url = models.CharField(max_length=2048, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        app_label = "plain"
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name
