# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of Fly's published GraphQL schema that a migration and flyctl use, with its names and types."""

from __future__ import annotations

from graphql import build_schema

SCHEMA = build_schema(
    """
    scalar JSON
    scalar BigInt
    scalar ISO8601DateTime
    enum BillingStatus { CURRENT DELINQUENT PAST_DUE SOURCE_REQUIRED SUSPENDED TRIAL_ACTIVE TRIAL_ENDED }
    enum OrganizationType { PERSONAL SHARED }
    enum PlatformVersionEnum { detached machines nomad }
    enum AddOnType { kubernetes redis sentry supabase tigris upstash_kafka upstash_redis upstash_vector }
    enum DeploymentStrategy { BLUEGREEN CANARY IMMEDIATE ROLLING ROLLING_ONE SIMPLE }
    enum IPAddressType { private_v6 shared_v4 v4 v6 }
    enum ServiceHandlerType { EDGE_HTTP HTTP PG_TLS PROXY_PROTO TLS }
    enum ServiceProtocolType { TCP UDP }

    type Query {
      app(name: String, internalId: String): App
      apps(type: String, first: Int, after: String, organizationId: ID, role: String): AppConnection!
      appNameAvailable(name: String!): Boolean!
      organization(slug: String, id: ID, name: String): Organization
      organizations(admin: Boolean, first: Int, after: String): OrganizationConnection!
      platform: FlyPlatform!
      nearestRegion(wireguardGateway: Boolean): Region!
      latestImageDetails(image: String!, flyVersion: String): ImageVersion!
      addOn(id: ID, name: String, provider: String): AddOn
      addOns(type: AddOnType, first: Int, after: String): AddOnConnection!
      addOnPlans(type: AddOnType, first: Int, after: String): AddOnPlanConnection!
      addOnProvider(name: String!): AddOnProvider!
      viewer: Principal!
    }
    type Mutation {
      createAddOn(input: CreateAddOnInput!): CreateAddOnPayload
      updateAddOn(input: UpdateAddOnInput!): UpdateAddOnPayload
    }
    type PageInfo { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }

    interface Principal { id: ID name: String email: String! }
    type User implements Principal {
      id: ID! name: String email: String! enablePaidHobby: Boolean! agreedToProviderTos(providerName: String!): Boolean!
    }
    type Macaroon implements Principal { id: ID name: String email: String! }
    type OrganizationConnection { nodes: [Organization] }
    type Organization {
      id: ID! slug: String! rawSlug: String! name: String! type: OrganizationType! paidPlan: Boolean! billable: Boolean!
      viewerRole: String! internalNumericId: BigInt! billingStatus: BillingStatus! addOnSsoLink: String
      provisionsBetaExtensions: Boolean! addOns(type: AddOnType, first: Int, after: String): AddOnConnection!
    }
    type FlyPlatform { requestRegion: String regions: [Region!]! }
    type Region {
      code: String! name: String! deprecated: Boolean! gatewayAvailable: Boolean! requiresPaidPlan: Boolean!
      latitude: Float longitude: Float
    }

    type AppConnection { nodes: [App] pageInfo: PageInfo! totalCount: Int! }
    type App {
      id: ID! name: String! internalNumericId: Int! hostname: String cnameTarget: String deployed: Boolean!
      network: String status: String! version: Int! appUrl: String platformVersion: PlatformVersionEnum
      organization: Organization! role: AppRole config: AppConfig! services: [Service!]! secrets: [Secret!]!
      currentRelease: Release currentReleaseUnprocessed: ReleaseUnprocessed
      releasesUnprocessed(first: Int, after: String, status: String): ReleaseUnprocessedConnection!
      image(ref: String!): Image imageDetails: ImageVersion
      machines(active: Boolean, first: Int, after: String): MachineConnection!
      ipAddresses(first: Int, after: String): IPAddressConnection! sharedIpAddress: String
      egressIpAddresses(first: Int, after: String): EgressIPAddressConnection!
    }
    interface AppRole { name: String! }
    type AppConfig { definition: JSON! }
    type Service { description: String! protocol: ServiceProtocolType! internalPort: Int! ports: [ServicePort!]! }
    type ServicePort { port: Int handlers: [ServiceHandlerType!]! }
    type Secret { id: ID! name: String! digest: String! createdAt: ISO8601DateTime! }
    type Release {
      id: ID! version: Int! status: String! stable: Boolean! inProgress: Boolean! reason: String! description: String!
      deploymentStrategy: DeploymentStrategy! evaluationId: String imageRef: String user: User
      createdAt: ISO8601DateTime!
    }
    type ReleaseUnprocessedConnection { nodes: [ReleaseUnprocessed] totalCount: Int! }
    type ReleaseUnprocessed {
      id: ID! version: Int! status: String! stable: Boolean! inProgress: Boolean! reason: String! description: String!
      deploymentStrategy: DeploymentStrategy! evaluationId: String imageRef: String user: User
      createdAt: ISO8601DateTime! configDefinition: JSON
    }
    type Image { id: ID! digest: String! ref: String! compressedSizeFull: BigInt! manifest: JSON! }
    type ImageVersion { registry: String! repository: String! tag: String! digest: String! version: String }
    type MachineConnection { nodes: [Machine] totalCount: Int! }
    type Machine {
      id: ID! name: String! config: JSON! state: String! region: String! createdAt: ISO8601DateTime! app: App!
      ips(first: Int, after: String): MachineIPConnection! host: Host!
      egressIpAddresses(first: Int, after: String): EgressIPAddressConnection!
    }
    type MachineIPConnection { nodes: [MachineIP] }
    type MachineIP { family: String! kind: String! ip: String! maskSize: Int! }
    type Host { id: ID! }
    type IPAddressConnection { nodes: [IPAddress] totalCount: Int! }
    type IPAddress {
      id: ID! address: String! type: IPAddressType! region: String createdAt: ISO8601DateTime! network: Network
      serviceName: String
    }
    type Network { name: String! organization: Organization! }
    type EgressIPAddressConnection { nodes: [EgressIPAddress] }
    type EgressIPAddress {
      id: ID! ip: String! version: Int! region: String! updatedAt: ISO8601DateTime!
    }

    input CreateAddOnInput {
      clientMutationId: String organizationId: ID organizationPlanId: String appId: ID type: AddOnType! name: String
      planId: ID primaryRegion: String readRegions: [String!] options: JSON
    }
    input UpdateAddOnInput {
      clientMutationId: String addOnId: ID name: String provider: String planId: ID readRegions: [String!]
      options: JSON metadata: JSON
    }
    type UpdateAddOnPayload { clientMutationId: String addOn: AddOn! }
    type CreateAddOnPayload { clientMutationId: String addOn: AddOn! }
    type AddOnConnection { nodes: [AddOn] }
    type AddOn {
      id: ID! name: String publicUrl: String privateIp: String password: String status: String errorMessage: String
      primaryRegion: String readRegions: [String!] options: JSON metadata: JSON ssoLink: String environment: JSON
      organization: Organization! app: App addOnPlan: AddOnPlan addOnProvider: AddOnProvider
    }
    type AddOnPlanConnection { nodes: [AddOnPlan] }
    type AddOnPlan {
      id: ID! name: String displayName: String description: String maxDataSize: String pricePerMonth: Int
    }
    type AddOnProvider {
      id: ID! name: String displayName: String tosUrl: String tosAgreement: String asyncProvisioning: Boolean!
      autoProvision: Boolean! selectName: Boolean! selectRegion: Boolean! selectReplicaRegions: Boolean!
      detectPlatform: Boolean! resourceName: String! nameSuffix: String beta: Boolean! internal: Boolean!
      provisioningInstructions: String excludedRegions: [Region!]
    }
    """
)
