# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What flyctl reads of Fly's answers: for each kind the fields, with the types into which it decodes them.

Read in the sources of superfly/flyctl and superfly/fly-go, whose files the comments name, and told here in our own
words.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.flyover.heroku_to_fly.tests.contract.go_types import MapOf, Maybe, Number, Raw, Time

# fly-go: machine_types.go
CHECK = {"name": str, "status": str, "output": str, "updated_at": Maybe(Time)}
EXIT = {
    "exit_code": Maybe(int),
    "requested_stop": Maybe(bool),
    "restarting": Maybe(bool),
    "oom_killed": Maybe(bool),
    "exited_at": Time,
}
EVENT = {"type": str, "status": str, "source": str, "timestamp": int, "request": Maybe({"exit_event": Maybe(EXIT)})}
CONFIG = {
    "image": str,
    "env": Maybe(MapOf(str)),
    "init": {"cmd": Maybe([str]), "entrypoint": Maybe([str]), "exec": Maybe([str])},
    "guest": Maybe({"cpu_kind": str, "cpus": int, "memory_mb": int}),
    "metadata": MapOf(str),
    "services": Maybe([{"protocol": str, "internal_port": int, "checks": Maybe([Raw])}]),
    "auto_destroy": Maybe(bool),
    "restart": Maybe({"policy": str}),
    "stop_config": Maybe({"signal": Maybe(str), "timeout": Maybe(str)}),
}
MACHINE = {
    "id": str,
    "name": str,
    "state": str,
    "region": str,
    "image_ref": {"registry": str, "repository": str, "tag": str, "digest": str, "labels": Maybe(MapOf(str))},
    "instance_id": str,
    "version": Maybe(str),
    "private_ip": str,
    "created_at": str,
    "updated_at": str,
    "config": CONFIG,
    "events": Maybe([EVENT]),
    "checks": Maybe([CHECK]),
    "host_status": str,
    "cordoned": bool,
}
LEASE = {"status": str, "data": {"nonce": str, "expires_at": int, "owner": str, "version": str}}
PROCESS = {
    "pid": int,
    "stime": int,
    "rtime": int,
    "command": str,
    "directory": str,
    "cpu": int,
    "rss": int,
    "listen_sockets": [{"proto": str, "address": str}],
}
# fly-go: flaps/flaps_apps.go, flaps/flaps_ip_assignments.go, secrets_types.go, types.go
APP = {
    "id": str,
    "name": str,
    "internal_numeric_id": int,
    "network": str,
    "status": str,
    "machine_count": int,
    "volume_count": int,
    "cname_target": str,
    "app_role": str,
    "organization": {"name": str, "slug": str, "internal_numeric_id": int},
}
ADDRESS = {"ip": str, "region": str, "service_name": str, "shared": bool, "created_at": Time}
SECRET = {"name": str, "digest": str, "created_at": Time, "updated_at": Time}
REGION = {"code": str, "name": str, "deprecated": bool, "gateway_available": bool, "requires_paid_plan": bool}
VALIDATION = dict.fromkeys(("dns_configured", "alpn_configured", "http_configured", "ownership_txt_configured"), bool)
CERTIFICATE = {
    "hostname": str,
    "configured": bool,
    "acme_requested": bool,
    "status": str,
    "dns_provider": Maybe(str),
    "rate_limited_until": Maybe(Time),
    "certificates": [{"source": str, "status": str, "issued": [Raw]}],
    "validation": VALIDATION,
    "dns_requirements": {
        "a": [str],
        "aaaa": [str],
        "cname": str,
        "acme_challenge": {"name": str, "target": str},
        "ownership": {"name": str, "app_value": str, "org_value": str},
    },
    "dns_records": Maybe({"a": [str], "aaaa": [str], "cname": [str], "resolved_addresses": [str], "soa": Maybe(str)}),
    "validation_errors": Maybe([{"code": Maybe(str), "message": str, "timestamp": Time}]),
}
CERTIFICATES = {
    "certificates": [
        {
            "hostname": str,
            "status": str,
            "dns_provider": Maybe(str),
            "configured": bool,
            "acme_requested": bool,
            "acme_dns_configured": bool,
            "acme_alpn_configured": bool,
            "acme_http_configured": bool,
            "ownership_txt_configured": bool,
            "has_custom_certificate": bool,
            "has_fly_certificate": bool,
            "created_at": Time,
            "updated_at": Time,
        }
    ],
    "next_cursor": Maybe(str),
    "total_count": int,
}
# flyctl: internal/uiex
REST_ORGANIZATION = {
    "id": str,
    "internal_numeric_id": int,
    "slug": str,
    "raw_slug": str,
    "name": str,
    "paid_plan": bool,
    "personal": bool,
    "billing_status": str,
    "provisions_beta_extensions": bool,
    "billable": bool,
    "remote_builder_image": str,
}
REST_RELEASE = {
    "id": str,
    "version": int,
    "stable": bool,
    "in_progress": bool,
    "status": str,
    "strategy": str,
    "user": str,
    "created_at": Time,
    "image_ref": str,
}
BUILD = {"id": int, "status": str, "wallclock_time_ms": int}
CLUSTER = {
    "id": str,
    "mpgd_cluster_id": str,
    "name": str,
    "status": str,
    "plan": str,
    "region": str,
    "organization": {"slug": str},
    "disk": int,
    "replicas": int,
    "ip_assignments": {"direct": str},
    "attached_apps": [{"name": str, "id": int}],
}
CREDENTIALS = dict.fromkeys(("status", "user", "password", "dbname", "pgbouncer_uri"), Maybe(str))
# fly-go: resource_logs.go, types.go
LOGS = {
    "data": [
        {
            "id": str,
            "attributes": {
                "timestamp": Time,
                "message": str,
                "level": str,
                "instance": str,
                "region": str,
                "meta": {"instance": str, "region": str, "event": {"provider": str}},
            },
        }
    ],
    "meta": {"next_token": str},
}

# GraphQL: for each operation the query, and what is read of its data.
SHORT_RELEASE = {"createdAt": Time, "status": str}
GRAPHQL_RELEASE = {
    "id": str,
    "version": int,
    "description": str,
    "reason": str,
    "status": str,
    "imageRef": str,
    "stable": bool,
    "user": {"id": str, "email": str, "name": str},
    "createdAt": Time,
}
OPERATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    # resource_apps.go GetAppCompact
    "app compact": (
        """query($appName: String!) { appcompact: app(name: $appName) { id internalNumericId name hostname cnameTarget
        deployed network status appUrl platformVersion organization { id internalNumericId slug paidPlan }
        postgresAppRole: role { name } } }""",
        {
            "appcompact": {
                "id": str,
                "internalNumericId": int,
                "name": str,
                "hostname": str,
                "cnameTarget": str,
                "deployed": bool,
                "network": Maybe(str),
                "status": str,
                "appUrl": str,
                "platformVersion": str,
                "organization": {"id": str, "internalNumericId": str, "slug": str, "paidPlan": bool},
                "postgresAppRole": Maybe({"name": str}),
            }
        },
    ),
    # resource_apps.go GetApp, for 'apps create --json'
    "app": (
        """query($appName: String!) { app(name: $appName) { id internalNumericId name hostname deployed status version
        appUrl platformVersion currentRelease { evaluationId status inProgress version } config { definition }
        organization { id slug paidPlan } services { description protocol internalPort ports { port handlers } }
        ipAddresses { nodes { id address type createdAt } } sharedIpAddress cnameTarget
        imageDetails { registry repository tag digest version }
        machines { nodes { id name config state region createdAt app { name }
        ips { nodes { family kind ip maskSize } } host { id } } } postgresAppRole: role { name } } }""",
        {
            "app": {
                "id": str,
                "internalNumericId": int,
                "name": str,
                "deployed": bool,
                "status": str,
                "version": int,
                "currentRelease": Maybe({"status": str, "inProgress": bool, "version": int}),
                "config": {"definition": MapOf(Raw)},
                "organization": {"id": str, "slug": str, "paidPlan": bool},
                "services": [Raw],
                "ipAddresses": {"nodes": [{"id": str, "address": str, "type": str, "createdAt": Time}]},
                "sharedIpAddress": Maybe(str),
                "imageDetails": Maybe({"registry": str, "repository": str, "tag": str, "digest": str}),
                "machines": {
                    "nodes": [
                        {
                            "id": str,
                            "name": str,
                            "config": CONFIG,
                            "state": str,
                            "region": str,
                            "app": {"name": str},
                            "ips": {"nodes": [{"family": str, "kind": str, "ip": str, "maskSize": int}]},
                        }
                    ]
                },
            }
        },
    ),
    # internal/command/apps/list.go
    "apps": (
        """query($org: ID, $after: String) { apps(type: "container", first: 200, after: $after, organizationId: $org) {
        pageInfo { hasNextPage endCursor } nodes { id name deployed hostname platformVersion network
        organization { slug name } currentRelease { createdAt status } status } } }""",
        {
            "apps": {
                "pageInfo": {"hasNextPage": bool, "endCursor": Maybe(str)},
                "nodes": [
                    {
                        "id": str,
                        "name": str,
                        "deployed": bool,
                        "hostname": str,
                        "platformVersion": str,
                        "network": Maybe(str),
                        "organization": {"slug": str, "name": str},
                        "currentRelease": Maybe(SHORT_RELEASE),
                        "status": str,
                    }
                ],
            }
        },
    ),
    # resource_apps.go ResolveImageForApp
    "image": (
        """query($appName: String!, $imageRef: String!) { app(name: $appName) { id image(ref: $imageRef) {
        id digest ref compressedSize: compressedSizeFull manifest } } }""",
        {
            "app": {
                "id": str,
                "image": Maybe({"id": str, "digest": str, "ref": str, "compressedSize": str, "manifest": MapOf(Raw)}),
            }
        },
    ),
    # resource_images.go LatestImage
    "latest image": (
        """query LatestImage($appName: String!) { app(name: $appName) {
        currentReleaseUnprocessed { id version imageRef } } }""",
        {"app": {"currentReleaseUnprocessed": {"id": str, "version": int, "imageRef": str}}},
    ),
    # resource_images.go GetLatestImageDetails
    "latest image details": (
        """query($image: String!, $flyVersion: String) { latestImageDetails(image: $image, flyVersion: $flyVersion) {
        registry repository tag version digest } }""",
        {"latestImageDetails": {"registry": str, "repository": str, "tag": str, "version": str, "digest": str}},
    ),
    # resource_releases.go GetAppReleasesMachines
    "releases": (
        """query($appName: String!, $limit: Int!) { app(name: $appName) { releases: releasesUnprocessed(first: $limit) {
        nodes { id version description reason status imageRef stable user { id email name } createdAt } } } }""",
        {"app": {"releases": {"nodes": [GRAPHQL_RELEASE]}}},
    ),
    # internal/command/status/machines.go
    "release version": (
        "query($appName: String!) { app(name: $appName) { currentRelease: currentReleaseUnprocessed { version } } }",
        {"app": {"currentRelease": Maybe({"version": int})}},
    ),
    # internal/appconfig/remote.go
    "release config": (
        """query FlyctlConfigCurrentRelease($appName: String!) { app(name: $appName) {
        currentReleaseUnprocessed { configDefinition } } }""",
        {"app": {"currentReleaseUnprocessed": {"configDefinition": MapOf(Raw)}}},
    ),
    # resource_ip_addresses.go GetIPAddresses, GetAppScopedEgressIPAddresses
    "addresses": (
        """query($appName: String!) { app(name: $appName) { ipAddresses { nodes { id address type region createdAt
        network { name organization { slug } } serviceName } } sharedIpAddress } }""",
        {
            "app": {
                "ipAddresses": {
                    "nodes": [
                        {
                            "id": str,
                            "address": str,
                            "type": str,
                            "region": str,
                            "createdAt": Time,
                            "network": Maybe({"name": str}),
                            "serviceName": Maybe(str),
                        }
                    ]
                },
                "sharedIpAddress": Maybe(str),
            }
        },
    ),
    "egress addresses": (
        """query($appName: String!) { app(name: $appName) { egressIpAddresses {
        nodes { id ip version region updatedAt } } } }""",
        {
            "app": {
                "egressIpAddresses": {
                    "nodes": [{"id": str, "ip": str, "version": int, "region": str, "updatedAt": Time}]
                }
            }
        },
    ),
    # resource_organizations.go GetOrganizations, GetOrganizationBySlug; gql/genqclient.graphql GetOrganization
    "organizations": (
        """query($admin: Boolean!) { organizations(admin: $admin) { nodes {
        id slug rawSlug name type paidPlan billable viewerRole internalNumericId } } }""",
        {
            "organizations": {
                "nodes": [
                    {
                        "id": str,
                        "slug": str,
                        "rawSlug": str,
                        "name": str,
                        "type": str,
                        "paidPlan": bool,
                        "billable": bool,
                        "viewerRole": str,
                        "internalNumericId": str,
                    }
                ]
            }
        },
    ),
    "organization": (
        """query($slug: String!) { organization(slug: $slug) {
        id internalNumericId slug rawSlug name type billable } }""",
        {
            "organization": {
                "id": str,
                "internalNumericId": str,
                "slug": str,
                "rawSlug": str,
                "name": str,
                "type": str,
                "billable": bool,
            }
        },
    ),
    "organization's raw slug": (
        """query GetOrganization($slug: String!) { organization(slug: $slug) { id slug rawSlug paidPlan addOnSsoLink
        provisionsBetaExtensions name billable billingStatus } }""",
        {
            "organization": {
                "id": str,
                "slug": str,
                "rawSlug": str,
                "paidPlan": bool,
                "addOnSsoLink": Maybe(str),
                "provisionsBetaExtensions": bool,
                "name": str,
                "billable": bool,
                "billingStatus": str,
            }
        },
    ),
    # resource_platform.go PlatformRegions
    "regions": (
        """query { platform { requestRegion regions {
        name code latitude longitude gatewayAvailable requiresPaidPlan deprecated } } }""",
        {
            "platform": {
                "requestRegion": str,
                "regions": [
                    {
                        "name": str,
                        "code": str,
                        "latitude": Maybe(Number),
                        "longitude": Maybe(Number),
                        "gatewayAvailable": bool,
                        "requiresPaidPlan": bool,
                        "deprecated": bool,
                    }
                ],
            }
        },
    ),
    # resource_user.go GetCurrentUser
    "user": (
        "query { viewer { ... on User { id email enablePaidHobby } ... on Macaroon { email } } }",
        {"viewer": {"id": Maybe(str), "email": str, "enablePaidHobby": Maybe(bool)}},
    ),
    # gql/genqclient.graphql GetAddOnProvider, ListAddOnPlans, CreateAddOn, GetAddOn
    "add-on provider": (
        """query GetAddOnProvider($name: String!) { addOnProvider(name: $name) { id name displayName tosUrl
        asyncProvisioning autoProvision selectName selectRegion selectReplicaRegions detectPlatform resourceName
        nameSuffix beta tosAgreement internal provisioningInstructions excludedRegions { code } } }""",
        {
            "addOnProvider": {
                "id": str,
                "name": str,
                "displayName": str,
                "asyncProvisioning": bool,
                "autoProvision": bool,
                "selectName": bool,
                "selectRegion": bool,
                "selectReplicaRegions": bool,
                "detectPlatform": bool,
                "resourceName": str,
                "beta": bool,
                "internal": bool,
                "excludedRegions": [{"code": str}],
            }
        },
    ),
    "add-on plans": (
        """query ListAddOnPlans($addOnType: AddOnType!) { addOnPlans(type: $addOnType) {
        nodes { id description displayName maxDataSize pricePerMonth } } }""",
        {
            "addOnPlans": {
                "nodes": [{"id": str, "description": str, "displayName": str, "maxDataSize": str, "pricePerMonth": int}]
            }
        },
    ),
    "create add-on": (
        """mutation CreateAddOn($input: CreateAddOnInput!) { createAddOn(input: $input) { addOn {
        name publicUrl ssoLink environment primaryRegion } } }""",
        {
            "createAddOn": {
                "addOn": {
                    "name": str,
                    "publicUrl": str,
                    "ssoLink": Maybe(str),
                    "environment": Raw,
                    "primaryRegion": str,
                }
            }
        },
    ),
    "add-on": (
        """query GetAddOn($name: String, $provider: String) { addOn(name: $name, provider: $provider) { id name
        primaryRegion status errorMessage metadata options publicUrl privateIp password readRegions ssoLink
        organization { slug paidPlan } addOnProvider { id name } app { id name }
        addOnPlan { id name displayName description } } }""",
        {
            "addOn": {
                "id": str,
                "name": str,
                "primaryRegion": str,
                "status": str,
                "publicUrl": str,
                "privateIp": str,
                "password": str,
                "readRegions": [str],
                "organization": {"slug": str, "paidPlan": bool},
                "addOnPlan": {"id": str, "displayName": str, "description": str},
            }
        },
    ),
}
