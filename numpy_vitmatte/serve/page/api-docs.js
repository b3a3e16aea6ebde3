// Swagger UI shows the service's own description; nothing comes from elsewhere.
window.SwaggerUIBundle({ url: "openapi.json", dom_id: "#swagger-ui", validatorUrl: null });
