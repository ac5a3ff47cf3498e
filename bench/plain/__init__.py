"""The reference: what Django REST framework gives out of the box, written as its tutorial does.

One model, a ModelSerializer, a ModelViewSet, token authentication, page-number pagination. No
workspaces, plans, abilities, limits, logs; an upload is stored as it comes, unread.
"""
