import json

from django.contrib import admin
from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView
from django.http import HttpResponse, JsonResponse
from django.urls import path

from countersign.django.forms import AuthenticationForm


def plain(request):
    return HttpResponse("hello")


def whoami(request):
    user = request.user
    return JsonResponse({"name": user.get_username() if user.is_authenticated else None})


def read(request):
    session = request.session.shared if "shared" in request.GET else request.session
    return JsonResponse({"value": session.get(request.GET["key"]), "found": request.GET["key"] in session})


def write(request):
    said = json.loads(request.body)
    session = request.session.shared if said.get("shared") else request.session
    session[said["key"]] = said["value"]
    return JsonResponse({})


def nested(request):
    request.session["cart"]["items"].append(request.GET["item"])
    request.session.modified = True
    return JsonResponse({})


def only_check(request):
    said = json.loads(request.body)
    return JsonResponse({"right": authenticate(request, **said) is not None})


def sign_in(request):
    user = authenticate(request, **json.loads(request.body))
    if user is None:
        return JsonResponse({"refused": True}, status=401)
    login(request, user)
    return JsonResponse({"name": user.get_username()})


def flush_and_sign_in(request):
    user = authenticate(request, **json.loads(request.body))
    request.session.flush()
    login(request, user)
    return JsonResponse({"name": user.get_username()})


def sign_out(request):
    logout(request)
    return JsonResponse({})


def clear(request):
    request.session.clear()
    return JsonResponse({})


def service(request):
    return JsonResponse(request.session.client.whoami())


async def awrite(request):
    said = json.loads(request.body)
    if said.get("shared"):
        (await request.session.aget_shared())[said["key"]] = said["value"]
    else:
        await request.session.aset(said["key"], said["value"])
    return JsonResponse({"user": (await request.auser()).get_username()})


async def asign_in(request):
    from django.contrib.auth import aauthenticate, alogin

    user = await aauthenticate(request, **json.loads(request.body))
    if user is None:
        return JsonResponse({"refused": True}, status=401)
    await alogin(request, user)
    return JsonResponse({"name": user.get_username()})


async def asign_out(request):
    from django.contrib.auth import alogout

    await alogout(request)
    return JsonResponse({})


urlpatterns = [
    path("plain/", plain),
    path("whoami/", whoami),
    path("secret/", login_required(plain)),
    path("read/", read),
    path("write/", write),
    path("nested/", nested),
    path("check/", only_check),
    path("in/", sign_in),
    path("flush-in/", flush_and_sign_in),
    path("out/", sign_out),
    path("clear/", clear),
    path("service/", service),
    path("awrite/", awrite),
    path("ain/", asign_in),
    path("aout/", asign_out),
    path("login/", LoginView.as_view(authentication_form=AuthenticationForm)),
    path("admin/", admin.site.urls),
]
